import { readDescription } from '../../../image/open-image.ts'
import { removeFile } from '../../../io/files/file-names.ts'
import { removeImage } from '../../../image/remove-image.ts'
import type { Directories } from '../directories.ts'
import { hasSafetyCopy } from './managed-image.ts'
import { removeHistory } from './image-history.ts'
import { orderPath, removeFormerOrder } from './page-order-file.ts'
import type { RuntimePaths } from '../runtime-paths.ts'

/** Removes the image of a managed save durably, and its history. Returns warnings, see `removeImage`. @throws StorageError when the image still exists */
export async function removeManagedImage(
  directories: Directories,
  paths: RuntimePaths,
): Promise<readonly string[]> {
  const description = await readDescription(paths.managedSave).catch(() => undefined)
  const warnings = await removeImage(paths.managedSave)
  // The image is gone. Leftovers mislead nobody.
  await removeFile(orderPath(directories, paths.managedSave)).catch(() => undefined)
  await removeFormerOrder(paths.managedSave).catch(() => undefined)
  if (description !== undefined)
    await removeHistory(directories, description).catch(() => undefined)
  return warnings
}

/** Removes the safety copy of a domain, and its history; `false` if there was none. @throws StorageError when the image still exists */
export async function removeSafetyCopy(
  directories: Directories,
  paths: RuntimePaths,
  onWarning: (text: string) => void = () => undefined,
): Promise<boolean> {
  if (!(await hasSafetyCopy(paths))) return false
  const { safetyCopy } = paths
  const description = await readDescription(safetyCopy).catch(() => undefined)
  for (const text of await removeImage(safetyCopy)) onWarning(text)
  if (description !== undefined)
    await removeHistory(directories, description).catch(() => undefined)
  return true
}
