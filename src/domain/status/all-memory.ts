import { findEntry } from '../catalogue/catalogue.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { type PostcopyState, waitForAllMemory } from '../store/postcopy-state.ts'
import type { OnProgress } from '../progress/progress.ts'

/** How to wait for the memory of a domain. */
export interface AllMemoryOptions extends DomainOptions {
  /** Called about five times a second while memory is missing. */
  readonly onProgress?: OnProgress<PostcopyState> | undefined
}

/**
 * Waits until QEMU has all memory of a domain, given by name, UUID or id. From then on a lazy restore no longer needs its image. Returns at once for a
 * domain that was not restored lazily. A domain that was restored by `map` uses the image for as long as it runs.
 * @throws DomainError DOMAIN_NOT_FOUND; DOMAIN_WRONG_STATE if nothing loads the rest (`recoverPostcopyDomain` does); CancelledError
 * @example
 * const { name } = await restoreDomain('/backup/web.save', { mode: 'lazy' })
 * await waitForDomainMemory(name)
 * await rm('/backup/web.save')
 */
export async function waitForDomainMemory(
  reference: string,
  options: AllMemoryOptions = {},
): Promise<void> {
  const { name, paths } = await findEntry(await openDirectories(options), reference)
  await waitForAllMemory(name, paths, options.signal, options.onProgress)
}
