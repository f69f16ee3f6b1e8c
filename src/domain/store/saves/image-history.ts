import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { MachineDescription } from '../../../image/saved-machine.ts'
import { makeDirectory } from '../../../io/files/directory.ts'
import { StasisError } from '../../../errors.ts'
import { removeFile } from '../../../io/files/file-names.ts'
import { areAll, isOptionalText, isText } from '../../../io/records/field-checks.ts'
import {
  type Fields,
  type RecordKind,
  fieldsOf,
  readRecordFile,
  recordsIn,
  writeRecordFile,
} from '../../../io/records/record-file.ts'
import type { Directories } from '../directories.ts'
import { type DiskIdentity, isDiskIdentity } from '../disks/disk-identity.ts'

/** The record of an image, outside of it, so that no byte of it changes (docs/managed-save.md). */
export interface ImageHistory {
  /** Its path when it was written, or last restored. */
  readonly path: string
  /** Other paths at which an image with this id was written or restored, the newest first. */
  readonly copies?: readonly string[]
  /** The disks after the save, or before the first restore; absent: unknown, for an image from elsewhere that was converted here. */
  readonly disks?: readonly DiskIdentity[]
  /** The last time a guest was resumed from it, ISO 8601; absent: never. */
  readonly restoredAt?: string
  /** The start that has used it up, as a managed save. Written before that guest runs; a copy of the image is not the guest any more. */
  readonly consumed?: ImageConsumption
  /** The guest, its UUID, and when it was saved, ISO 8601. A list shows these when the file is gone. Records from before there was a list lack them. */
  readonly domain?: string
  readonly uuid?: string
  readonly savedAt?: string
  /** SHA-256 of each description of the image that this host wrote: of the save, and of later edits. */
  readonly descriptions?: readonly string[]
}

/** The start that used up a managed save. */
export interface ImageConsumption {
  /** ISO 8601, by the clock of that host. */
  readonly time: string
  /** The name of the host. */
  readonly host: string
  /** The generation of the owner in a shared state directory, see owner.ts. */
  readonly generation?: number | undefined
}

/** More places of one image than this are forgotten, the oldest first. */
const MAX_COPIES = 16

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

/** A history, or why it cannot be read. */
export type ListedHistory =
  | { readonly key: string; readonly history: ImageHistory }
  | { readonly key: string; readonly path: string; readonly fault: StasisError }

/** How many histories there are. @throws StorageError */
export async function countHistories(directories: Directories): Promise<number> {
  return (await historyKeys(directories)).length
}

/** All histories, by key. One that cannot be read does not hide the others. @throws StorageError */
export async function listHistories(directories: Directories): Promise<readonly ListedHistory[]> {
  const keys = await historyKeys(directories)
  const found = await Promise.all(keys.map((key) => listed(directories, key)))
  return found.filter((one) => one !== undefined)
}

async function historyKeys(directories: Directories): Promise<readonly string[]> {
  const keys = await recordsIn(historyDirectory(directories), 'list the images')
  return keys.toSorted()
}

async function listed(directories: Directories, key: string): Promise<ListedHistory | undefined> {
  try {
    const history = await readHistory(directories, key)
    return history === undefined ? undefined : { key, history }
  } catch (error) {
    if (!(error instanceof StasisError)) throw error
    return { key, path: historyPath(directories, key), fault: error }
  }
}

/** Every path at which the image was. */
export function placesOf({ path, copies = [] }: ImageHistory): readonly string[] {
  return [...new Set([path, ...copies])]
}

/** A history with another place of the image, which becomes its path. */
export function withPlace<History extends ImageHistory>(history: History, path: string): History {
  const copies = placesOf(history).filter((one) => one !== path)
  return { ...history, path, copies: copies.slice(0, MAX_COPIES) }
}

/** Forgets a place of an image, and with the last place its history. @throws StorageError */
export async function forgetPlace(
  directories: Directories,
  key: string,
  path: string,
): Promise<void> {
  const history = await readHistory(directories, key)
  if (history === undefined) return
  const [next, ...copies] = placesOf(history).filter((one) => one !== path)
  if (next === undefined) await removeFile(historyPath(directories, key))
  else await writeHistory(directories, key, { ...history, path: next, copies })
}

const IMAGE_HISTORY: RecordKind<ImageHistory> = {
  what: 'the history of an image',
  version: 1,
  hint: 'Without it, Stasis cannot check whether the disks have changed since the save. If you know that they have not, move the file away and try again',
  parse(value) {
    const fields = fieldsOf(value)
    const { path, copies = [], disks = [], descriptions = [] } = fields ?? {}
    const consumed = fieldsOf(fields?.['consumed'])
    const texts = ['restoredAt', 'domain', 'uuid', 'savedAt'].map((name) => fields?.[name])
    const fits =
      isText(path) &&
      areAll(disks, isDiskIdentity) &&
      [copies, descriptions].every((list) => areAll(list, isText)) &&
      (fields?.['consumed'] === undefined || isConsumption(consumed)) &&
      texts.every(isOptionalText)
    return fits ? (fields as unknown as ImageHistory) : undefined
  },
}

function isConsumption(fields: Fields | undefined): boolean {
  const { time, host, generation } = fields ?? {}
  return (
    [time, host].every(isText) && (generation === undefined || Number.isSafeInteger(generation))
  )
}

/** The directory of the records of images. */
export function historyDirectory(directories: Pick<Directories, 'stateDir'>): string {
  return join(directories.stateDir, 'images')
}

function historyPath(directories: Directories, key: string): string {
  return join(historyDirectory(directories), `${key}.json`)
}
