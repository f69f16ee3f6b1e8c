import { setTimeout as delay } from 'node:timers/promises'
import { CancelledError, DomainError } from '../../errors.ts'
import {
  type KeptFault,
  isBrought,
  readPostcopyRecord,
  readPostcopyProgress,
} from './postcopy-record.ts'
import type { RuntimePaths } from './runtime-paths.ts'

const LOOK_MS = 20
const LOOKS_TO_TELL = 10

/** A domain that runs while its memory still comes from an image. */
export interface PostcopyState {
  readonly image: string
  readonly remainingBytes: number | undefined
  /** `lost`: nobody brings it any more; `failed`: it cannot be brought, `fault` says why. */
  readonly state: 'filling' | 'lost' | 'failed'
  readonly fault: KeptFault | undefined
}

/** How far a domain's memory is; `undefined` when all of it is there. @throws StorageError */
export async function postcopyState(paths: RuntimePaths): Promise<PostcopyState | undefined> {
  const record = await readPostcopyRecord(paths)
  if (record === undefined) return undefined
  const progress = await readPostcopyProgress(paths, record.id)
  const fault = record.fault ?? progress?.fault
  const brought = await isBrought(record)
  // Its last act, before it ends, is to remove the record.
  if (!brought && (await readPostcopyRecord(paths)) === undefined) return undefined
  return {
    image: record.image,
    remainingBytes: progress?.remainingBytes,
    state: fault === undefined ? (brought ? 'filling' : 'lost') : 'failed',
    fault,
  }
}

/**
 * Waits until all memory of a domain is there; tells `onWait` about five times a second what it waits for.
 * @throws DomainError DOMAIN_WRONG_STATE when it will not come, CancelledError
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
      ? `no page server brings it from ${postcopy.image}`
      : postcopy.fault.message
  return new DomainError(
    'DOMAIN_WRONG_STATE',
    `Not all memory of domain '${name}' is there yet: ${why}`,
    {
      path: postcopy.image,
      hint: `\`stasis postcopy-recover ${name}\` brings the rest`,
    },
  )
}
