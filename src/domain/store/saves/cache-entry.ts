import { areAll, isText } from '../../../io/records/field-checks.ts'
import { type RecordKind, fieldsOf } from '../../../io/records/record-file.ts'
import type { Directories } from '../directories.ts'
import { placeOfHost } from '../host-directory.ts'

/** The record of an image in the cache. */
export interface CacheEntry {
  readonly image: string
  readonly blocks: readonly {
    readonly name: string
    readonly file: string
    readonly length: number
  }[]
}

/** Its file, in the directory of the entry. */
export const ENTRY = 'entry.json'

/** An entry that is being removed begins with this. */
export const REMOVED = '.removed-'

/** The directory of the cache. */
export function cacheDirectory({ stateDir }: Directories): string {
  return placeOfHost(stateDir, 'image-cache')
}

/** Records in the cache. */
export const CACHED_IMAGE: RecordKind<CacheEntry> = {
  what: 'an entry of the image cache',
  version: 1,
  hint: 'Remove it with `stasis image-cache remove`; it can be added again',
  parse(value) {
    const fields = fieldsOf(value)
    const { image, blocks } = fields ?? {}
    const fits = isText(image) && areAll(blocks, isBlock)
    return fits ? (fields as unknown as CacheEntry) : undefined
  },
}

function isBlock(value: unknown): boolean {
  const { name, file, length } = fieldsOf(value) ?? {}
  const isPlainName = isText(file) && /^\d+\.ram$/.test(file)
  return isText(name) && isPlainName && Number.isSafeInteger(length)
}
