import { lastEndOf } from '../catalogue/catalogue.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { observe } from '../catalogue/presence.ts'
import { runtimePaths } from '../store/runtime-paths.ts'

/**
 * The save image of a domain, given by name: for a running domain the image that it was restored from, otherwise the image that it was saved to.
 * `undefined` if there is none. The file may have been moved or deleted since.
 * @throws UsageError BAD_ARGUMENT, StorageError
 * @example
 * const image = await imageOfDomain('web')
 */
export async function imageOfDomain(
  name: string,
  options: DomainOptions = {},
): Promise<string | undefined> {
  const paths = runtimePaths(await openDirectories(options), name)
  const { record, end } = await observe(paths)
  return record === undefined
    ? (await lastEndOf({ paths, record, end }))?.image
    : record.restoredFrom?.path
}
