import { setTimeout as delay } from 'node:timers/promises'
import { CancelledError, DomainError } from '../../errors.ts'
import {
  type RecordedFault,
  isBrought,
  readPostcopyRecord,
  readPostcopyProgress,
} from './postcopy-record.ts'
import type { RuntimePaths } from './runtime-paths.ts'

const LOOK_MS = 20
const LOOKS_TO_TELL = 10

/** A domain that runs while its memory is still arriving from an image. */
export interface PostcopyState {
  readonly image: string
  readonly remainingBytes: number | undefined
  /** `lost`: nothing sends it any more; `failed`: it cannot be sent, for the reason in `fault`. */
  readonly state: 'filling' | 'lost' | 'failed'
  readonly fault: RecordedFault | undefined
}

/** The progress of a domain's memory; `undefined` when all of it is there. @throws StorageError */
export async function postcopyState(paths: RuntimePaths): Promise<PostcopyState | undefined> {
  const record = await readPostcopyRecord(paths)
  if (record === undefined) return undefined
  const progress = await readPostcopyProgress(paths, record.id)
  const fault = record.fault ?? progress?.fault
  const brought = await isBrought(record)
  // The supervisor removes the record just before it ends.
  if (!brought && (await readPostcopyRecord(paths)) === undefined) return undefined
  return {
    image: record.image,
    remainingBytes: progress?.remainingBytes,
    state: fault === undefined ? (brought ? 'filling' : 'lost') : 'failed',
    fault,
  }
}

/**
 * Waits until all memory of a domain is there; calls `onWait` with the progress about five times a second.
 * @throws DomainError DOMAIN_WRONG_STATE when it will not arrive, CancelledError
 */
export async function waitForAllMemory(
  name: string,
  paths: RuntimePaths,
  signal: AbortSignal | undefined,
  onWait?: (postcopy: PostcopyState) => void,
): Promise<void> {
  for (let looks = 0; ; looks += 1) {
    const postcopy = await postcopyState(paths)
    if (postcopy === undefined) return
    if (postcopy.state !== 'filling') throw memoryLost(name, postcopy)
    if (looks % LOOKS_TO_TELL === 0) onWait?.(postcopy)
    await delay(LOOK_MS, undefined, { signal }).catch((reason: unknown) => {
      throw new CancelledError(`wait for the memory of domain '${name}'`, reason)
    })
  }
}

function memoryLost(name: string, postcopy: PostcopyState): DomainError {
  const why =
    postcopy.fault === undefined
      ? `no page server loads it from ${postcopy.image}`
      : postcopy.fault.message
  return new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${name}' does not have all of its memory yet: ${why}`,
    {
      path: postcopy.image,
      hint: `\`stasis postcopy-recover ${name}\` loads the rest`,
    },
  )
}
