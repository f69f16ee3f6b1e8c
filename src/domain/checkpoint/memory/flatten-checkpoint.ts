import { setTimeout as delay } from 'node:timers/promises'
import { DomainError, StasisError } from '../../../errors.ts'
import { openImage, readDescription } from '../../../image/open-image.ts'
import { findAnyEntry } from '../../catalogue/catalogue.ts'
import { HeldDomain } from '../../catalogue/held-domain.ts'
import { nameCancel } from '../../progress/name-cancel.ts'
import { checkOptions } from '../../store/check-options.ts'
import { requireCheckpoint } from '../../store/checkpoints/checkpoint-record.ts'
import { openDirectories } from '../../store/directories.ts'
import type { DomainOptions } from '../../store/domain-options.ts'
import { keptMemory } from './memory-file.ts'
import { recordSize } from './record-size.ts'
import { rewriteMemory } from './rewrite-memory.ts'

/** A checkpoint whose memory needs no other. */
export interface FlattenedCheckpoint {
  readonly domain: string
  readonly name: string
  /** The checkpoints whose memory it needed before, the nearest first. Empty: nothing had to be done. */
  readonly bases: readonly string[]
}

/** How long to wait for another command that works on the domain when the new image is complete. */
const BUSY_FOR_MS = 60_000

const AGAIN_MS = 200

/**
 * Rewrites the memory of a checkpoint so that it needs no other. The domain is given by name, UUID or id. Other commands can work on the domain until the new image
 * is complete.
 * @throws DomainError CHECKPOINT_NOT_FOUND, DOMAIN_BUSY; ImageError, StorageError; CancelledError. Then the memory is as before
 * @example
 * const { bases } = await flattenCheckpoint('web', 'before-upgrade')
 */
export async function flattenCheckpoint(
  reference: string,
  name: string,
  options: DomainOptions = {},
): Promise<FlattenedCheckpoint> {
  checkOptions(options)
  return nameCancel(`flatten checkpoint '${name}' of domain '${reference}'`, flatten())

  async function flatten(): Promise<FlattenedCheckpoint> {
    const directories = await openDirectories(options)
    const { name: domain } = await findAnyEntry(directories, reference)
    const record = await requireCheckpoint(directories, domain, name)
    const path = keptMemory(directories, domain, record)
    if (path === undefined) return { domain, name, bases: [] }
    const { id, bases } = await idAndBases(path)
    if (bases.length === 0) return { domain, name, bases }
    await rewriteMemory(path, {
      signal: options.signal,
      async replace(publish) {
        await using _held = await held(domain, options)
        // Meanwhile it may have been deleted, and another may have got its name.
        const now = await requireCheckpoint(directories, domain, name)
        if (
          keptMemory(directories, domain, now) !== path ||
          (await readDescription(path)).id !== id
        )
          throw new DomainError(
            'CHECKPOINT_NOT_FOUND',
            `Checkpoint '${name}' of domain '${domain}' was replaced while its memory was written`,
          )
        await publish()
        await recordSize(directories, domain, now)
      },
    })
    return { domain, name, bases }
  }
}

async function idAndBases(
  path: string,
): Promise<{ readonly id: string | undefined; readonly bases: readonly string[] }> {
  await using machine = await openImage(path, { direct: false })
  return { id: machine.description.id, bases: machine.bases ?? [] }
}

async function held(domain: string, options: DomainOptions): Promise<HeldDomain> {
  const untilMs = performance.now() + BUSY_FOR_MS
  for (;;) {
    try {
      return await HeldDomain.named(domain, 'checkpoint-flatten', options)
    } catch (error) {
      if (!StasisError.is(error, 'DOMAIN_BUSY') || performance.now() > untilMs) throw error
      await delay(AGAIN_MS, undefined, { signal: options.signal })
    }
  }
}
