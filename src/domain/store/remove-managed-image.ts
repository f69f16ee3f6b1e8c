import { readDescription } from '../../image/open-image.ts'
import { removeFile } from '../../io/file-names.ts'
import { removeImage } from '../../image/remove-image.ts'
import type { Directories } from './directories.ts'
import { removeHistory } from './image-history.ts'
import { orderPath, removeFormerOrder } from './page-order-file.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** Removes the image of a managed save durably, and its history. @throws StorageError */
export async function removeManagedImage(
  directories: Directories,
  paths: RuntimePaths,
): Promise<void> {
  const description = await readDescription(paths.managedSave).catch(() => undefined)
  await removeImage(paths.managedSave)
  await removeFile(orderPath(directories, paths.managedSave))
  await removeFormerOrder(paths.managedSave)
  if (description !== undefined) await removeHistory(directories, description)
}
