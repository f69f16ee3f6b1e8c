import type { MachineDescription } from '../../image/saved-machine.ts'
import { textOfRootChild } from '../../qemu/domain-xml/tags.ts'
import type { Directories } from '../store/directories.ts'
import { historyOf, imageId, withPlace, writeHistory } from '../store/saves/image-history.ts'
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
 * Copies the record of a damaged image to the image that was salvaged from it: the same disks belong to it, and it is trusted as the other was.
 * @throws StorageError
 */
export async function recordSalvage(
  directories: Directories,
  before: MachineDescription,
  after: MachineDescription,
  path: string,
): Promise<void> {
  const history = await historyOf(directories, before)
  const isKnown = history?.descriptions?.includes(descriptionDigest(before)) === true
  const descriptions = isKnown ? [descriptionDigest(after)] : []
  const facts = { ...guestOf(after), ...history, path, copies: [], descriptions }
  await writeHistory(directories, imageId(after), facts)
}

/**
 * Records that an image was converted, and the path of the new image, which has the same id.
 * @throws StorageError
 */
export async function recordCopy(
  directories: Directories,
  description: MachineDescription,
  path: string,
): Promise<void> {
  const history = await historyOf(directories, description)
  const facts = { ...guestOf(description), path, ...history }
  await writeHistory(directories, imageId(description), withPlace(facts, path))
}

function guestOf({ xml }: MachineDescription): { readonly domain: string; readonly uuid: string } {
  const text = (name: string): string => textOfRootChild(xml, name)?.trim() ?? ''
  return { domain: text('name'), uuid: text('uuid') }
}
