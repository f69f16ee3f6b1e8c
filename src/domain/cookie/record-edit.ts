import type { MachineDescription } from '../../image/saved-machine.ts'
import type { Directories } from '../store/directories.ts'
import { historyOf, imageId, writeHistory } from '../store/image-history.ts'
import { descriptionDigest } from './description-digest.ts'

/**
 * Records, before an image gets another description, that this host wrote that one. The description of an image from elsewhere stays foreign: its
 * editor has not seen every part of it.
 * @throws StorageError
 */
export async function recordEdit(
  directories: Directories,
  before: MachineDescription,
  after: MachineDescription,
): Promise<void> {
  const history = await historyOf(directories, before)
  const known = descriptionDigest(before)
  if (history?.descriptions?.includes(known) !== true) return
  // Both: the edit may be cut short.
  const descriptions = [known, descriptionDigest(after)]
  await writeHistory(directories, imageId(after), { ...history, descriptions })
}

/**
 * Records what is known of a damaged image for the image that was salvaged from it: the same disks belong to it, and it is trusted as the other was.
 * @throws StorageError
 */
export async function recordSalvage(
  directories: Directories,
  before: MachineDescription,
  after: MachineDescription,
  path: string,
): Promise<void> {
  const history = await historyOf(directories, before)
  if (history === undefined) return
  const isKnown = history.descriptions?.includes(descriptionDigest(before)) === true
  const descriptions = isKnown ? [descriptionDigest(after)] : []
  await writeHistory(directories, imageId(after), { ...history, path, descriptions })
}
