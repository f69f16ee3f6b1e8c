import { StasisError, StorageError, ImageError, QemuError } from '../../errors.ts'
import { removeFile } from '../../io/file-names.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  replaceRecordFile,
  writeRecordFile,
} from '../../io/record-file.ts'
import { type ProcessIdentity, isAlive } from '../../qemu/process-identity.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** What went wrong, as it is kept for others to read. */
export interface KeptFault {
  readonly kind: 'image' | 'storage' | 'qemu'
  readonly code: string
  readonly message: string
  readonly path?: string | undefined
  readonly offset?: number | undefined
  readonly hint?: string | undefined
}

/** What is known of a restore whose memory comes while the guest runs: `postcopy.json`. It is there until all memory is. */
export interface PostcopyRecord {
  /** Of this restore: whoever outlives a domain must not touch the record of the next of its name. */
  readonly id: string
  readonly image: string
  /** Says whether a file is the image still: a digest of its device state. */
  readonly machine: string
  /** Read it past the page cache; `undefined`: as suits its format. */
  readonly direct?: boolean | undefined
  readonly readers: number
  /** Blocks in huge pages, with the size of these. */
  readonly hostPageSizes: Readonly<Record<string, number>>
  /** The page server at work, or the last one. */
  readonly server?: ProcessIdentity | undefined
  /** The process that sees to it; `undefined` until the server that was first, or the next, has started it. */
  readonly supervisor?: ProcessIdentity | undefined
  /** Why it cannot go on. */
  readonly fault?: KeptFault | undefined
}

/** How far it is: `postcopy-progress.json`. */
export interface PostcopyProgress {
  /** Of the restore. */
  readonly id: string
  /** `undefined` when the image could not even be opened. */
  readonly remainingBytes?: number | undefined
  readonly totalBytes?: number | undefined
  /** Requests answered. */
  readonly requests?: number | undefined
  /** QEMU has said that it has all. */
  readonly done?: boolean | undefined
  /** The image is damaged; `waiting`: a processor of the guest waits for what cannot be read. */
  readonly fault?: (KeptFault & { readonly waiting: boolean }) | undefined
}

/** Writes the record of a restore that begins. @throws StorageError */
export async function writePostcopyRecord(
  paths: RuntimePaths,
  record: PostcopyRecord,
): Promise<void> {
  await writeRecordFile(POSTCOPY_RECORD, paths.postcopy, record, { durable: false })
}

/**
 * Changes the record of a restore; gives it as it is then, `undefined` when there is none. What is removed meanwhile stays so: a
 * domain that was destroyed is not being filled, and one that was restored anew is another.
 * @throws StorageError
 */
export async function changePostcopyRecord(
  paths: RuntimePaths,
  id: string,
  change: Partial<PostcopyRecord>,
): Promise<PostcopyRecord | undefined> {
  const record = await readPostcopyRecord(paths)
  if (record?.id !== id) return undefined
  const changed = { ...record, ...change }
  const isMeant = (before: PostcopyRecord): boolean => before.id === id
  return (await replaceRecordFile(POSTCOPY_RECORD, paths.postcopy, changed, isMeant))
    ? changed
    : undefined
}

/** The record of a domain that is being filled; `undefined` when its memory is all there. @throws StorageError */
export async function readPostcopyRecord(paths: RuntimePaths): Promise<PostcopyRecord | undefined> {
  return readRecordFile(POSTCOPY_RECORD, paths.postcopy)
}

/** @throws StorageError */
export async function writePostcopyProgress(
  paths: RuntimePaths,
  progress: PostcopyProgress,
): Promise<void> {
  const path = paths.postcopyProgressFile
  await writeRecordFile(POSTCOPY_PROGRESS, path, progress, { durable: false })
}

/** How far a restore is; `undefined` when nobody has said it yet. */
export async function readPostcopyProgress(
  paths: RuntimePaths,
  id: string,
): Promise<PostcopyProgress | undefined> {
  const progress = await readRecordFile(POSTCOPY_PROGRESS, paths.postcopyProgressFile)
  return progress?.id === id ? progress : undefined
}

/** Forgets how far a restore was: another page server goes on. @throws StorageError */
export async function removePostcopyProgress(paths: RuntimePaths): Promise<void> {
  await removeFile(paths.postcopyProgressFile)
}

/** All memory is there. */
export async function removePostcopyRecord(paths: RuntimePaths): Promise<void> {
  for (const path of [
    paths.postcopyProgressFile,
    paths.recoverSocket,
    paths.pageServerLog,
    paths.postcopy,
  ])
    await removeFile(path)
}

/** Whether somebody sees to it that there is a page server. */
export async function isSupervised({ supervisor }: PostcopyRecord): Promise<boolean> {
  return supervisor !== undefined && (await isAlive(supervisor))
}

/** Whether the memory comes: a server brings it, or will be started. */
export async function isBrought(record: PostcopyRecord): Promise<boolean> {
  const { server } = record
  return (await isSupervised(record)) || (server !== undefined && (await isAlive(server)))
}

/** Writes a fault down. */
export function recordableFault(error: unknown): KeptFault {
  const kind =
    error instanceof ImageError ? 'image' : error instanceof StorageError ? 'storage' : 'qemu'
  const message = error instanceof Error ? error.message : String(error)
  if (!(error instanceof StasisError)) return { kind, code: 'QEMU_STREAM', message }
  const { code, path, offset, hint } = error
  return { kind, code, message, path, offset, hint }
}

/** The error that was written down. */
export function faultError(fault: KeptFault): StasisError {
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

const HINT =
  'The guest may still get memory from its image: leave the image where it is. `stasis destroy` ends the guest'

const POSTCOPY_RECORD: RecordKind<PostcopyRecord> = {
  what: 'the record of a lazy restore',
  version: 1,
  hint: HINT,
  parse(value) {
    const fields = fieldsOf(value)
    const texts = [fields?.['id'], fields?.['image'], fields?.['machine']]
    const fits =
      texts.every((text) => typeof text === 'string') &&
      fieldsOf(fields?.['hostPageSizes']) !== undefined &&
      Number.isSafeInteger(fields?.['readers'])
    return fits ? (fields as unknown as PostcopyRecord) : undefined
  },
}

const POSTCOPY_PROGRESS: RecordKind<PostcopyProgress> = {
  what: 'the progress of a lazy restore',
  version: 1,
  hint: HINT,
  parse(value) {
    const fields = fieldsOf(value)
    return typeof fields?.['id'] === 'string' ? (fields as unknown as PostcopyProgress) : undefined
  },
}
