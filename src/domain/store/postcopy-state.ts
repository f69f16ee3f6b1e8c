import { setTimeout as delay } from 'node:timers/promises'
import { CancelledError, DomainError } from '../../errors.ts'
import {
  type PostcopyProgress,
  type PostcopyRecord,
  type RecordedFault,
  hasImage,
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
  /** How much of it has arrived, 0 to 99; `undefined` while that is not known. */
  readonly percent: number | undefined
  /**
   * `filling`: it is arriving. `stopped`: nothing sends it, but the image is there. `failed`: it cannot be sent, for the reason in `fault`. `lost`:
   * nothing sends it, and the image is gone.
   */
  readonly state: 'filling' | 'stopped' | 'failed' | 'lost'
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
  const state = fault === undefined ? (brought ? 'filling' : 'stopped') : 'failed'
  return {
    image: record.image,
    remainingBytes: progress?.remainingBytes,
    percent: percentOf(progress),
    state: state !== 'filling' && (await isGone(record, { fault, brought })) ? 'lost' : state,
    fault,
  }
}

function percentOf(progress: PostcopyProgress | undefined): number | undefined {
  const { remainingBytes, totalBytes } = progress ?? {}
  if (remainingBytes === undefined || totalBytes === undefined || totalBytes === 0) return undefined
  return Math.min(99, Math.floor(((totalBytes - remainingBytes) * 100) / totalBytes))
}

/** Another image at the path is as bad as none. While a process brings the memory, it may still have the image open, unless it reports that it did not find the file. */
async function isGone(
  record: PostcopyRecord,
  { fault, brought }: { readonly fault: RecordedFault | undefined; readonly brought: boolean },
): Promise<boolean> {
  if (fault?.code === 'IMAGE_INCOMPATIBLE') return true
  return (!brought || fault?.code === 'FILE_NOT_FOUND') && !(await hasImage(record))
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
    if (postcopy.state !== 'filling') throw memoryMissing(name, postcopy)
    if (looks % LOOKS_TO_TELL === 0) onWait?.(postcopy)
    await delay(LOOK_MS, undefined, { signal }).catch((reason: unknown) => {
      throw new CancelledError(`wait for the memory of domain '${name}'`, reason)
    })
  }
}

/** The error of an operation that needs memory which does not arrive. */
export function memoryMissing(name: string, postcopy: PostcopyState): DomainError {
  const { image } = postcopy
  if (postcopy.state === 'lost') {
    return new DomainError(
      'DOMAIN_MEMORY_LOST',
      `Domain '${name}' has lost a part of its memory: ${image}, which contains it, is gone`,
      {
        path: image,
        hint: `Put the image back, or a copy of it elsewhere: \`stasis postcopy-recover ${name} --image FILE\` loads the rest. Without it the guest cannot continue: \`stasis destroy ${name}\``,
      },
    )
  }
  const why =
    postcopy.fault === undefined
      ? `no page server loads it from ${postcopy.image}`
      : postcopy.fault.message
  return new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${name}' still misses a part of its memory: ${why}`,
    {
      path: postcopy.image,
      hint: `\`stasis postcopy-recover ${name}\` loads the rest`,
    },
  )
}
