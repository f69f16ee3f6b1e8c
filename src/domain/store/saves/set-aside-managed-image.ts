import { readDescription } from '../../../image/open-image.ts'
import { renameImage } from '../../../image/rename-image.ts'
import type { Directories } from '../directories.ts'
import { imageId, readHistory, withPlace, writeHistory } from './image-history.ts'
import type { RuntimePaths } from '../runtime-paths.ts'

/**
 * Gives the image of a managed save another name beside it, so that the domain no longer has one and nothing is lost. Returns the new path, and warnings.
 * @throws StorageError; then it is still the managed save
 */
export async function setAsideManagedImage(
  directories: Directories,
  { managedSave }: RuntimePaths,
): Promise<{ readonly path: string; readonly warnings: readonly string[] }> {
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  const path = `${managedSave.replace(/\.save$/, '')}.stale-${time}`
  const description = await readDescription(managedSave).catch(() => undefined)
  const unsure = await renameImage(managedSave, path)
  if (description !== undefined) {
    const id = imageId(description)
    const history = await readHistory(directories, id).catch(() => undefined)
    // Only for lists of images.
    if (history !== undefined)
      await writeHistory(directories, id, withPlace(history, path)).catch(() => undefined)
  }
  return { path, warnings: unsure === undefined ? [] : [unsure] }
}
