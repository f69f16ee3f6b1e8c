import { readDescription } from '../../image/open-image.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { removeImage } from '../../image/remove-image.ts'
import { imageId } from './image-history.ts'
import type { RuntimePaths } from './runtime-paths.ts'
import { type RuntimeRecord, type SaveIntent, writeRecord } from './runtime-record.ts'

/**
 * Notes, before the guest is stopped, which image it will become: whoever finds the saver dead can then tell whether the image
 * or the QEMU that still stands there is the guest.
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

/** Whether the image that a save was to make stands in its place, complete. */
export async function isSaved({ path, imageId: id }: SaveIntent): Promise<boolean> {
  const description = await readDescription(path).catch(() => undefined)
  return description !== undefined && imageId(description) === id
}

/**
 * After a save that failed: the guest is in its QEMU again and nowhere else.
 * @throws StorageError when an image stands there that cannot be removed
 */
export async function takeBack(
  paths: RuntimePaths,
  record: RuntimeRecord,
  saving: SaveIntent,
): Promise<void> {
  if (await isSaved(saving)) await removeImage(saving.path)
  await writeRecord(paths, { ...record, saving: undefined })
}
