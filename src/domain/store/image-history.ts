import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { makeDirectory } from '../../io/directory.ts'
import { isThere, removeFile } from '../../io/file-names.ts'
import { type RecordKind, fieldsOf, readRecordFile, writeRecordFile } from '../../io/record-file.ts'
import type { Directories } from './directories.ts'
import { type DiskIdentity, isDiskIdentity } from './disk-identity.ts'

/** What is recorded about an image outside of it, so that no byte of it changes (docs/managed-save.md). */
export interface ImageHistory {
  /** Its path when it was saved, or first restored. */
  readonly path: string
  /** The disks after the save, or before the first restore. */
  readonly disks: readonly DiskIdentity[]
  /** The last time a guest was resumed from it, ISO 8601; absent: never. */
  readonly restoredAt?: string
  /** SHA-256 of each description of the image that this host wrote: of the save, and of later edits. */
  readonly descriptions?: readonly string[]
}

/** Few enough to search at every save. */
const KEPT = 200

/** Identifies an image; an edit of its description does not change the id. */
export function imageId(description: MachineDescription): string {
  return description.id ?? digestOf(description)
}

/** The key of a history before images had ids. */
function digestOf({ xml, cookie = '' }: MachineDescription): string {
  return createHash('sha256').update(`${xml}\0${cookie}`).digest('hex').slice(0, 40)
}

/** The history of an image, even one recorded before images had ids. @throws StorageError */
export async function historyOf(
  directories: Directories,
  description: MachineDescription,
): Promise<ImageHistory | undefined> {
  return (
    (await readHistory(directories, imageId(description))) ??
    (await readHistory(directories, digestOf(description)))
  )
}

/**
 * The history of an image, if there is one.
 * @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW, and others: then it is unknown whether its disks have changed
 */
export async function readHistory(
  directories: Directories,
  key: string,
): Promise<ImageHistory | undefined> {
  return readRecordFile(IMAGE_HISTORY, historyPath(directories, key))
}

/** Stores a history durably. @throws StorageError */
export async function writeHistory(
  directories: Directories,
  key: string,
  history: ImageHistory,
): Promise<void> {
  await makeDirectory(historyDirectory(directories))
  await removeGoneHistories(directories)
  await writeRecordFile(IMAGE_HISTORY, historyPath(directories, key), history, { durable: true })
}

/** Removes the history of an image that was removed. @throws StorageError */
export async function removeHistory(
  directories: Directories,
  description: MachineDescription,
): Promise<void> {
  for (const key of [imageId(description), digestOf(description)])
    await removeFile(historyPath(directories, key))
}

/** Removes the histories of images that are no longer at their paths, once there are many. */
async function removeGoneHistories(directories: Directories): Promise<void> {
  const directory = historyDirectory(directories)
  const names = await readdir(directory).catch(() => [])
  if (names.length < KEPT) return
  for (const name of names.filter((one) => one.endsWith('.json'))) {
    const key = name.slice(0, -'.json'.length)
    // A history that cannot be read, or whose image cannot be checked, stays.
    const history = await readHistory(directories, key).catch(() => undefined)
    const gone = history !== undefined && !(await isThere(history.path).catch(() => true))
    if (gone) await removeFile(historyPath(directories, key))
  }
}

const IMAGE_HISTORY: RecordKind<ImageHistory> = {
  what: 'the history of an image',
  version: 1,
  hint: 'Without it, Stasis cannot check whether the disks have changed since the save. If you know that they have not, move the file away and try again',
  parse(value) {
    const fields = fieldsOf(value)
    const { path, disks, restoredAt, descriptions = [] } = fields ?? {}
    const fits =
      typeof path === 'string' &&
      Array.isArray(disks) &&
      disks.every(isDiskIdentity) &&
      Array.isArray(descriptions) &&
      descriptions.every((one) => typeof one === 'string') &&
      (restoredAt === undefined || typeof restoredAt === 'string')
    return fits ? (fields as unknown as ImageHistory) : undefined
  },
}

function historyDirectory(directories: Directories): string {
  return join(directories.stateDir, 'images')
}

function historyPath(directories: Directories, key: string): string {
  return join(historyDirectory(directories), `${key}.json`)
}
