import { ImageError, StasisError } from '../../errors.ts'
import { readDescription } from '../../image/open-image.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { removeImage } from '../../image/remove-image.ts'
import { imageId } from '../store/saves/image-history.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { type RuntimeRecord, type SaveIntent, writeRecord } from '../store/runtime-record.ts'

/**
 * Records, before the guest is stopped, which image it will become. After a crash of the saving process, this shows whether the image or the stopped
 * QEMU is the guest.
 * @throws StorageError
 */
export async function recordSaveIntent(
  paths: RuntimePaths,
  record: RuntimeRecord,
  save: {
    readonly path: string
    readonly description: MachineDescription
    readonly running: boolean
  },
): Promise<SaveIntent> {
  const saving = { path: save.path, imageId: imageId(save.description), running: save.running }
  await writeRecord(paths, { ...record, saving })
  return saving
}

/**
 * Whether the image that a save was to write exists and is complete. Of a pipe only the record knows it: a guest whose saver was killed just before
 * that continues, and the identity of its disks in the image prevents a restore.
 * @throws StorageError when the file cannot be read: then it is unknown whether it is the guest
 */
export async function isSaved({ path, imageId: id, isTaken }: SaveIntent): Promise<boolean> {
  if (isTaken === true) return true
  try {
    return imageId(await readDescription(path)) === id
  } catch (error) {
    // A damaged or incomplete file is not the guest.
    if (error instanceof ImageError || StasisError.is(error, 'FILE_NOT_FOUND')) return false
    throw error
  }
}

/** Records that the reader of a pipe has taken the whole image. @throws StorageError */
export async function recordTaken(
  paths: RuntimePaths,
  record: RuntimeRecord,
  saving: SaveIntent,
): Promise<void> {
  await writeRecord(paths, { ...record, saving: { ...saving, isTaken: true } })
}

/**
 * Removes the intent after a failed save: the guest exists only in its QEMU again. First the record, so that no other command ends that QEMU.
 * @throws StorageError
 */
export async function withdrawSaveIntent(
  paths: RuntimePaths,
  record: RuntimeRecord,
  saving: SaveIntent,
): Promise<void> {
  await writeRecord(paths, { ...record, saving: undefined })
  if (await isSaved(saving)) await removeImage(saving.path)
}
