import { dirname } from 'node:path'
import { makeDirectory } from '../../io/files/directory.ts'
import { removeFile } from '../../io/files/file-names.ts'
import { areAll, isOptionalNumber, isOptionalText, isText } from '../../io/records/field-checks.ts'
import {
  type RecordKind,
  fieldsOf,
  isRecordFault,
  readRecordFile,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import {
  type ProcessIdentity,
  isAlive,
  isProcessIdentity,
} from '../../qemu/process/process-identity.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** Operations that take long enough to be watched and cancelled from another terminal. */
export type JobOperation = 'save' | 'managedsave' | 'restore' | 'start' | 'checkpoint'

/** A job as other processes read it: in `job.json` in the runtime directory, and in the state directory once it has ended. */
export interface StoredJob<Progress = unknown> {
  readonly operation: JobOperation
  readonly id: string
  /** The process that does the job. */
  readonly process: ProcessIdentity
  /** ISO 8601. */
  readonly startedAt: string
  readonly elapsedMs: number
  /** The image that a save writes: whatever it leaves there after its process was killed is removed. */
  readonly image?: string | undefined
  readonly progress: Progress | undefined
  /** The last known progress of the memory. */
  readonly transfer: Progress | undefined
  readonly outcome?: 'completed' | 'failed' | 'cancelled'
  readonly error?: string
  /** The result of the operation. */
  readonly result?: unknown
}

/** The job in a record file; `undefined` when there is none. @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW, and others */
export async function readJob<Progress>(path: string): Promise<StoredJob<Progress> | undefined> {
  return readRecordFile(JOB as RecordKind<StoredJob<Progress>>, path)
}

/** The job of a domain that a living process does; `undefined` if there is none. @throws StorageError */
export async function activeJob<Progress>(
  paths: RuntimePaths,
): Promise<StoredJob<Progress> | undefined> {
  const job = await readJob<Progress>(paths.job)
  return job !== undefined && (await isAlive(job.process)) ? job : undefined
}

/** @throws StorageError */
export async function writeJob(path: string, record: StoredJob): Promise<void> {
  await makeDirectory(dirname(path))
  await writeRecordFile(JOB, path, record, { durable: false })
}

/**
 * Closes the record of a job whose process is gone, and returns it; `succeeded`: its work is done all the same. Callers must hold the lock.
 * @throws StorageError
 */
export async function closeKilledJob(
  paths: RuntimePaths,
  { succeeded }: { readonly succeeded: boolean },
): Promise<StoredJob | undefined> {
  const job = await readJob(paths.job).catch((error: unknown) => {
    if (isRecordFault(error)) return undefined
    throw error
  })
  if (job !== undefined && (await isAlive(job.process))) return undefined
  if (job !== undefined) {
    const error = `Process ${job.process.pid}, which was running it, was killed`
    const outcome = succeeded
      ? ({ outcome: 'completed' } as const)
      : ({ outcome: 'failed', error } as const)
    await writeJob(paths.lastJob, { ...job, ...outcome }).catch(() => undefined)
  }
  for (const path of [paths.jobAbort, paths.job]) await removeFile(path)
  return job
}

const JOB: RecordKind<StoredJob> = {
  what: 'the record of a save or restore',
  version: 1,
  hint: 'It only shows progress: you may remove it',
  parse(value) {
    const fields = fieldsOf(value)
    const fits =
      OPERATIONS.includes(fields?.['operation']) &&
      isText(fields?.['id']) &&
      isProcessIdentity(fields['process']) &&
      typeof fields['elapsedMs'] === 'number' &&
      isOptionalText(fields['image']) &&
      isProgress(fields['progress']) &&
      isProgress(fields['transfer']) &&
      OUTCOMES.includes(fields['outcome']) &&
      hasTiming(fields['result']) &&
      isOptionalText(fields['error'])
    return fits ? (fields as unknown as StoredJob) : undefined
  },
}

const OPERATIONS: readonly unknown[] = [
  'save',
  'managedsave',
  'restore',
  'start',
  'checkpoint',
] satisfies JobOperation[]

const OUTCOMES: readonly unknown[] = [undefined, 'completed', 'failed', 'cancelled']

const MEASURES = [
  ...['percent', 'ramBytes', 'ramTotalBytes', 'transferredBytes', 'fileBytes'],
  'rateBytesPerSecond',
]

/** A result may have any fields, but a report shows its downtime. */
function hasTiming(result: unknown): boolean {
  return isOptionalNumber(fieldsOf(fieldsOf(result)?.['timing'])?.['downtimeMs'])
}

/** A phase, and the measures of a transfer where it has some. */
function isProgress(value: unknown): boolean {
  if (value === undefined) return true
  const fields = fieldsOf(value)
  if (typeof fields?.['phase'] !== 'string') return false
  if (![fields['elapsedMs'], fields['etaMs']].every(isOptionalNumber)) return false
  if (!('percent' in fields)) return true
  const channels = fields['channelBytes']
  const { memory, lanes } = fields
  return (
    (memory === undefined || (isMemory(memory) && isCells(fieldsOf(memory)?.['cells']))) &&
    (lanes === undefined || areAll(lanes, isMemory)) &&
    Array.isArray(channels) &&
    [...channels, ...MEASURES.map((name) => fields[name])].every((one) => typeof one === 'number')
  )
}

function isMemory(value: unknown): boolean {
  const { zeroBytes, compressedBytes, rawBytes } = fieldsOf(value) ?? {}
  return [zeroBytes, compressedBytes, rawBytes].every((one) => typeof one === 'number')
}

function isCells(value: unknown): boolean {
  return isText(value) && /^[.zcr]{0,4096}$/.test(value)
}
