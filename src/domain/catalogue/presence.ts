import { isThere } from '../../io/files/file-names.ts'
import type { LastEnd } from '../store/last-end.ts'
import { isLocked } from '../store/lock.ts'
import { isRunning } from './own-qemu.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { type RuntimeRecord, readRecord } from '../store/runtime-record.ts'

/** A domain as an observer sees it. */
export interface Presence {
  /** The record of the QEMU that runs the guest, if any. */
  readonly record: RuntimeRecord | undefined
  /** How it ended, until an operation records that. */
  readonly end: LastEnd | undefined
  /** The managed save that the guest was restored from still exists, but the guest has run since. */
  readonly consumed: boolean
}

/** The presence of a domain that is off. */
export const ABSENT: Presence = { record: undefined, end: undefined, consumed: false }

/**
 * Describes a domain for callers that do not hold its lock. Writes, removes and ends nothing: the remains of a killed operation are described as the
 * next operation will find them.
 * @throws StorageError, STATE_UNREADABLE and STATE_TOO_NEW if the state of the domain is unknown
 */
export async function observe(paths: RuntimePaths): Promise<Presence> {
  if (!(await isThere(paths.directory))) return ABSENT
  const record = await readRecord(paths)
  if (
    record?.stage === 'running' &&
    record.saving === undefined &&
    (await isRunning(paths, record))
  )
    return { ...ABSENT, record }
  // While an operation is in progress, only its process knows the meaning of its files.
  if (await isLocked(paths)) return { ...ABSENT, record: await livingRecord(paths) }
  return describe(paths)
}

/** `observe` for the holder of the lock. @throws StorageError */
export async function describe(paths: RuntimePaths): Promise<Presence> {
  // Few domains need it, and it loads the readers of images.
  const { conditionOf, hasConsumedManagedSave } = await import('./condition.ts')
  const condition = await conditionOf(paths)
  switch (condition.kind) {
    case 'running':
    case 'save-killed':
      return { ...ABSENT, record: condition.record }
    case 'ended':
      return { ...ABSENT, end: condition.end, consumed: hasConsumedManagedSave(condition) }
    case 'start-killed':
    case 'unrecorded':
      return ABSENT
  }
}

async function livingRecord(paths: RuntimePaths): Promise<RuntimeRecord | undefined> {
  const record = await readRecord(paths)
  return record !== undefined && (await isRunning(paths, record)) ? record : undefined
}
