import { StasisError, StorageError, ImageError, QemuError, messageOf } from '../../errors.ts'
import { isReachable, isThere, removeFile } from '../../io/files/file-names.ts'
import { isOptionalNumber, isOptionalText, isText } from '../../io/records/field-checks.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  replaceRecordFile,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import {
  type ProcessIdentity,
  isAlive,
  isProcessIdentity,
} from '../../qemu/process/process-identity.ts'
import type { RuntimePaths } from './runtime-paths.ts'
import { removeSecondName } from './second-name.ts'

/** A recorded error, for other processes to read. */
export interface RecordedFault {
  readonly kind: 'image' | 'storage' | 'qemu'
  readonly code: string
  readonly message: string
  readonly path?: string | undefined
  readonly offset?: number | undefined
  readonly hint?: string | undefined
}

/** The record of a restore whose memory arrives while the guest runs: `postcopy.json`. It exists until all memory is there. */
export interface PostcopyRecord {
  /** Identifies this restore: a process that outlives a domain must not change the record of the next domain with its name. */
  readonly id: string
  readonly image: string
  /** A second name of the image's file, which we made (`--keep`). It is removed with the record. */
  readonly kept?: string | undefined
  /** Shows whether a file is still the image: a digest of its device state. */
  readonly machine: string
  /** Bypass the page cache; `undefined`: as suits its format. */
  readonly direct?: boolean | undefined
  readonly readers: number
  /** Page sizes of the blocks in huge pages. */
  readonly hostPageSizes: Readonly<Record<string, number>>
  /** The file for the order in which the guest requests its pages; absent in records from before versions. */
  readonly orderPath?: string | undefined
  /** The active page server, or the last one. */
  readonly server?: ProcessIdentity | undefined
  /** The process that supervises it; `undefined` until the first server, or the next, has started it. */
  readonly supervisor?: ProcessIdentity | undefined
  /** The reason why it cannot continue. */
  readonly fault?: RecordedFault | undefined
}

/** The progress of a restore: `postcopy-progress.json`. */
export interface PostcopyProgress {
  /** Id of the restore. */
  readonly id: string
  /** `undefined` when the image could not even be opened. */
  readonly remainingBytes?: number | undefined
  readonly totalBytes?: number | undefined
  /** Number of requests answered. */
  readonly requests?: number | undefined
  /** QEMU has confirmed that it has all memory. */
  readonly done?: boolean | undefined
  /** The image is damaged; `waiting`: a processor of the guest waits for an unreadable page. */
  readonly fault?: (RecordedFault & { readonly waiting: boolean }) | undefined
}

/** Writes the record of a new restore. @throws StorageError */
export async function writePostcopyRecord(
  paths: RuntimePaths,
  record: PostcopyRecord,
): Promise<void> {
  await writeRecordFile(POSTCOPY_RECORD, paths.postcopy, record, { durable: false })
}

/**
 * Changes the record of a restore and returns the result; returns `undefined` when there is none. Never recreates a record that was removed: the
 * domain may have been destroyed, or restored again.
 * @throws StorageError
 */
export async function changePostcopyRecord(
  paths: RuntimePaths,
  id: string,
  change: Partial<PostcopyRecord>,
): Promise<PostcopyRecord | undefined> {
  const path = (await filesOf(paths)).record
  const record = await readRecordFile(POSTCOPY_RECORD, path)
  if (record?.id !== id) return undefined
  const changed = { ...record, ...change }
  const isMeant = (before: PostcopyRecord): boolean => before.id === id
  return (await replaceRecordFile(POSTCOPY_RECORD, path, changed, isMeant)) ? changed : undefined
}

/** The record of a domain whose memory is arriving; `undefined` when all of it is there. @throws StorageError */
export async function readPostcopyRecord(paths: RuntimePaths): Promise<PostcopyRecord | undefined> {
  return readRecordFile(POSTCOPY_RECORD, (await filesOf(paths)).record)
}

/** Whether memory of a domain is still missing, without any details. @throws StorageError */
export async function hasPostcopyRecord(paths: RuntimePaths): Promise<boolean> {
  return isThere((await filesOf(paths)).record)
}

/** @throws StorageError */
export async function writePostcopyProgress(
  paths: RuntimePaths,
  progress: PostcopyProgress,
): Promise<void> {
  const path = (await filesOf(paths)).progress
  await writeRecordFile(POSTCOPY_PROGRESS, path, progress, { durable: false })
}

/** The progress of a restore; `undefined` while none is recorded. */
export async function readPostcopyProgress(
  paths: RuntimePaths,
  id: string,
): Promise<PostcopyProgress | undefined> {
  const progress = await readRecordFile(POSTCOPY_PROGRESS, (await filesOf(paths)).progress)
  return progress?.id === id ? progress : undefined
}

/** Removes the progress of a restore, because another page server takes over. @throws StorageError */
export async function removePostcopyProgress(paths: RuntimePaths): Promise<void> {
  await removeFile((await filesOf(paths)).progress)
}

/** Removes the record and the progress: all memory is there. */
export async function removePostcopyRecord(paths: RuntimePaths): Promise<void> {
  const { record, progress } = await filesOf(paths)
  await removeKept(paths)
  for (const path of [progress, paths.recoverSocket, paths.pageServerLog, record])
    await removeFile(path)
}

/** Removes the second name of the image, if we made one. A failure leaves it to the next act. */
export async function removeKept(paths: RuntimePaths): Promise<void> {
  const record = await readPostcopyRecord(paths).catch(() => undefined)
  if (record?.kept !== undefined) await removeSecondName(paths, record.kept).catch(() => undefined)
}

/** Whether the image of a restore still has a name. An image that cannot be looked for counts as present. */
export async function hasImage({ image, kept }: PostcopyRecord): Promise<boolean> {
  for (const path of [image, kept]) {
    if (path === undefined) continue
    if (await isReachable(path).catch(() => true)) return true
  }
  return false
}

/** A restore that began before these files got their present names uses the old names until all memory is there. */
async function filesOf(
  paths: RuntimePaths,
): Promise<{ readonly record: string; readonly progress: string }> {
  const { postcopy, postcopyProgressFile, formerPostcopy, formerPostcopyProgressFile } = paths
  const isFormer = !(await isThere(postcopy)) && (await isThere(formerPostcopy))
  return isFormer
    ? { record: formerPostcopy, progress: formerPostcopyProgressFile }
    : { record: postcopy, progress: postcopyProgressFile }
}

/** Whether a supervisor makes sure that there is a page server. */
export async function isSupervised({ supervisor }: PostcopyRecord): Promise<boolean> {
  return supervisor !== undefined && (await isAlive(supervisor))
}

/** Whether the memory is arriving: a server sends it, or a supervisor will start one. */
export async function isBrought(record: PostcopyRecord): Promise<boolean> {
  const { server } = record
  return (await isSupervised(record)) || (server !== undefined && (await isAlive(server)))
}

/** Converts an error for the record. */
export function recordableFault(error: unknown): RecordedFault {
  const kind =
    error instanceof ImageError ? 'image' : error instanceof StorageError ? 'storage' : 'qemu'
  const message = messageOf(error)
  if (!(error instanceof StasisError)) return { kind, code: 'QEMU_STREAM', message }
  const { code, path, offset, hint } = error
  return { kind, code, message, path, offset, hint }
}

/** The error that was recorded. */
export function faultError(fault: RecordedFault): StasisError {
  const { message, path, offset, hint } = fault
  const facts = { path, offset, hint }
  switch (fault.kind) {
    case 'image':
      return new ImageError(fault.code as ImageError['code'], message, facts)
    case 'storage':
      return new StorageError(fault.code as StorageError['code'], message, facts)
    case 'qemu':
      return new QemuError(fault.code as QemuError['code'], message, facts)
  }
}

const HINT = 'The guest may still load memory from its image: leave the image where it is'

const POSTCOPY_RECORD: RecordKind<PostcopyRecord> = {
  what: 'the record of a lazy restore',
  version: 1,
  hint: HINT,
  parse(value) {
    const fields = fieldsOf(value)
    const texts = [fields?.['id'], fields?.['image'], fields?.['machine']]
    const kept = fields?.['kept']
    const fits =
      isOptionalText(kept) &&
      texts.every(isText) &&
      Object.values(fieldsOf(fields?.['hostPageSizes']) ?? { none: '' }).every(
        Number.isSafeInteger,
      ) &&
      Number.isSafeInteger(fields?.['readers']) &&
      [fields?.['server'], fields?.['supervisor']].every(
        (one) => one === undefined || isProcessIdentity(one),
      ) &&
      isFault(fields?.['fault'])
    return fits ? (fields as unknown as PostcopyRecord) : undefined
  },
}

const POSTCOPY_PROGRESS: RecordKind<PostcopyProgress> = {
  what: 'the progress of a lazy restore',
  version: 1,
  hint: HINT,
  parse(value) {
    const fields = fieldsOf(value)
    const numbers = [fields?.['remainingBytes'], fields?.['totalBytes'], fields?.['requests']]
    const fits =
      isText(fields?.['id']) && numbers.every(isOptionalNumber) && isFault(fields['fault'])
    return fits ? (fields as unknown as PostcopyProgress) : undefined
  },
}

const FAULT_KINDS: readonly unknown[] = [
  'image',
  'storage',
  'qemu',
] satisfies RecordedFault['kind'][]

function isFault(value: unknown): boolean {
  if (value === undefined) return true
  const { kind, code, message, path, offset, hint } = fieldsOf(value) ?? {}
  return (
    FAULT_KINDS.includes(kind) &&
    [code, message].every(isText) &&
    [path, hint].every(isOptionalText) &&
    isOptionalNumber(offset)
  )
}
