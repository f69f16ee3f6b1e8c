import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { makeDirectory } from '../../io/directory.ts'
import { isThere, removeFile, removeUnlocked } from '../../io/file-names.ts'
import { type RecordKind, fieldsOf, readRecordFile, writeRecordFile } from '../../io/record-file.ts'
import type { Directories } from './directories.ts'
import type { DiskIdentity } from './disk-identity.ts'

/** What is remembered of an image outside of it, so that no byte of it changes (docs/managed-save.md). */
export interface ImageHistory {
  /** Where it was when it was saved, or restored first. */
  readonly path: string
  /** The disks as the save left them, or as the first restore found them. */
  readonly disks: readonly DiskIdentity[]
  /** When its guest last ran on from it, ISO 8601; absent: never. */
  readonly restoredAt?: string
}

/** Few enough to look through at every save. */
const KEPT = 200
const ABANDONED_MS = 60_000

/**
 * What tells images apart: a digest of what they say about their machine. Ours say when they were made, so no two are
 * alike, and a copy of an image is the same image.
 */
export function imageId({ xml, cookie = '' }: MachineDescription): string {
  return createHash('sha256').update(`${xml}\0${cookie}`).digest('hex').slice(0, 40)
}

/**
 * What is remembered of an image, if anything.
 * @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW, and others: then nobody can say whether its disks are as they were
 */
export async function readHistory(
  directories: Directories,
  key: string,
): Promise<ImageHistory | undefined> {
  return readRecordFile(IMAGE_HISTORY, historyPath(directories, key))
}

/** Remembers, durably. @throws StorageError */
export async function writeHistory(
  directories: Directories,
  key: string,
  history: ImageHistory,
): Promise<void> {
  await makeDirectory(historyDirectory(directories))
  await forgetGone(directories)
  await writeRecordFile(IMAGE_HISTORY, historyPath(directories, key), history, { durable: true })
}

/** Remembers for an image whose description is about to change what was remembered of it. @throws StorageError */
export async function moveHistory(
  directories: Directories,
  from: string,
  to: string,
): Promise<void> {
  const history = await readHistory(directories, from)
  if (history !== undefined && from !== to) await writeHistory(directories, to, history)
}

/** Forgets an image that was removed. @throws StorageError */
export async function removeHistory(directories: Directories, key: string): Promise<void> {
  await removeFile(historyPath(directories, key))
}

/** Forgets images that are not where they were once there are many, and what writers that were killed left. */
async function forgetGone(directories: Directories): Promise<void> {
  const directory = historyDirectory(directories)
  const names = await readdir(directory).catch(() => [])
  for (const name of names.filter((one) => one.endsWith('.partial'))) {
    const path = join(directory, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
    // Another domain's writer has its lock only a moment after the file is there.
    if (Date.now() - mtimeMs > ABANDONED_MS) await removeUnlocked(path)
  }
  if (names.length < KEPT) return
  for (const name of names.filter((one) => one.endsWith('.json'))) {
    const key = name.slice(0, -'.json'.length)
    // What cannot be read, or looked for, stays.
    const history = await readHistory(directories, key).catch(() => undefined)
    const gone = history !== undefined && !(await isThere(history.path).catch(() => true))
    if (gone) await removeHistory(directories, key)
  }
}

const IMAGE_HISTORY: RecordKind<ImageHistory> = {
  what: 'what is remembered of an image',
  version: 1,
  hint: 'Without it nobody can say whether the disks have changed since the save. When you know that they have not, move it away and try again',
  parse(value) {
    const fields = fieldsOf(value)
    const { path, disks, restoredAt } = fields ?? {}
    const fits =
      typeof path === 'string' &&
      Array.isArray(disks) &&
      disks.every(isDisk) &&
      (restoredAt === undefined || typeof restoredAt === 'string')
    return fits ? (fields as unknown as ImageHistory) : undefined
  },
}

function isDisk(value: unknown): boolean {
  const { target, path, sizeBytes, modifiedNs } = fieldsOf(value) ?? {}
  const texts = [target, path, modifiedNs]
  return texts.every((text) => typeof text === 'string') && typeof sizeBytes === 'number'
}

function historyDirectory(directories: Directories): string {
  return join(directories.stateDir, 'images')
}

function historyPath(directories: Directories, key: string): string {
  return join(historyDirectory(directories), `${key}.json`)
}
