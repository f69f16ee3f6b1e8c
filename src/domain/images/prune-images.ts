import { checkOptions } from '../store/check-options.ts'
import { DomainError, StasisError, UsageError, throwIfCancelled } from '../../errors.ts'
import { readDescription } from '../../image/open-image.ts'
import { removeImage } from '../../image/remove-image.ts'
import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { removeFile } from '../../io/files/file-names.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { neededImages } from '../catalogue/files/needed-images.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import { isDomainName } from '../store/domain-name.ts'
import { forgetPlace, imageId } from '../store/saves/image-history.ts'
import { orderPath } from '../store/saves/page-order-file.ts'
import { type KeptImage, choosePrunable, obstacleTo } from './choose-prunable.ts'
import { type ListImagesOptions, type ListedImage, listImages, lookAt } from './list-images.ts'
import { isShared } from '../ownership/state-host.ts'

/** Which images to delete. */
export interface PruneImagesOptions extends ListImagesOptions {
  /** Only images that were saved at least this many days ago. */
  readonly olderThanDays?: number | undefined
  /** Keep this many of the newest images of each guest. */
  readonly keep?: number | undefined
  /** Only these images. A managed save is deleted only if it is named here. */
  readonly files?: readonly FilePath[] | undefined
  /** Only report the images; delete nothing. */
  readonly dryRun?: boolean | undefined
}

/** An image that was deleted. */
export interface PrunedImage {
  readonly path: string
  readonly id: string
  readonly domain: string | undefined
  /** Its size on disk. */
  readonly allocatedBytes: number
}

/** The deleted images, or with `dryRun` those that would be deleted. */
export interface PrunedImages {
  readonly deleted: readonly PrunedImage[]
  /** Images that were chosen, but stay: a guest needs them, or they cannot be read. */
  readonly kept: readonly KeptImage[]
  /** Records that were removed because their files are gone. */
  readonly forgotten: readonly { readonly path: string; readonly id: string }[]
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * Deletes images that were written or restored here, and the records of images that are gone. It deletes no image that a guest needs, no managed save that is not in `files`, and no file that
 * is not, at that moment, the recorded image. Without `olderThanDays`, `keep` and `files` it deletes no image.
 * @throws UsageError BAD_ARGUMENT when one of `files` is not a known image; StorageError when it is unknown which images are needed; CancelledError
 * @example
 * const { deleted } = await pruneImages({ olderThanDays: 30, keep: 2, dryRun: true })
 * for (const { path, allocatedBytes } of deleted) console.log(path, allocatedBytes)
 */
export async function pruneImages(options: PruneImagesOptions = {}): Promise<PrunedImages> {
  checkOptions(options)
  const { olderThanDays, keep, dryRun, signal } = options
  const files = options.files?.map((file) => givenPath(file, 'the image'))
  const directories = await openDirectories(options)
  const { images, faults } = await listImages(options)
  const [fault] = faults
  if (fault !== undefined) throw fault
  for (const file of files ?? []) requireKnown(images, file)
  const olderThanMs = olderThanDays === undefined ? undefined : olderThanDays * DAY_MS
  const choice = choosePrunable(images, { olderThanMs, keep, files }, Date.now())
  const deleted: PrunedImage[] = []
  const kept = [...choice.kept]
  for (const image of choice.chosen) {
    throwIfCancelled('delete images', signal)
    const isNamed = files?.includes(image.path) === true
    const reason = dryRun === true ? undefined : await remove(directories, image, isNamed, options)
    if (reason !== undefined) kept.push({ path: image.path, reason })
    else
      deleted.push({
        path: image.path,
        id: image.id,
        domain: image.domain,
        allocatedBytes: image.allocatedBytes ?? 0,
      })
  }
  const gone = files === undefined ? images.filter(({ state }) => state === 'gone') : []
  const forgotten = await forget(directories, gone, options)
  return { deleted, kept, forgotten }
}

function requireKnown(images: readonly ListedImage[], file: string): void {
  if (images.some(({ path, state }) => path === file && state !== 'gone')) return
  throw new UsageError('BAD_ARGUMENT', `${file} is not an image that Stasis wrote or restored`, {
    path: file,
    hint: '`stasis images` lists them',
  })
}

/** Deletes an image, under the lock of its guest, so that no restore of it begins meanwhile. Returns why it stays, in words. */
async function remove(
  directories: Directories,
  image: ListedImage,
  isNamed: boolean,
  { signal }: PruneImagesOptions,
): Promise<string | undefined> {
  const { path, id, domain = '' } = image
  if (!isDomainName(domain)) return 'its guest has no valid name'
  try {
    await using _held = await HeldDomain.named(domain, 'images --prune', { ...directories, signal })
    const needed = await neededImages(directories)
    const [fault] = needed.faults
    if (fault !== undefined) return fault.message
    const now = await lookAt(directories, path, needed)
    if (now.id !== id) return 'another file is there now'
    const obstacle = obstacleTo(now, isNamed)
    if (obstacle !== undefined) return obstacle
    const description = await readDescription(path)
    if (imageId(description) !== id) return 'another file is there now'
    await removeImage(path)
    await removeFile(orderPath(directories, path)).catch(() => undefined)
    await forgetPlace(directories, id, path)
    return undefined
  } catch (error) {
    if (error instanceof DomainError || StasisError.is(error, 'FILE_NOT_FOUND'))
      return error.message
    throw error
  }
}

/** Removes records of images that are gone. The record of a save is written just before its image is complete. */
async function forget(
  directories: Directories,
  gone: readonly ListedImage[],
  { dryRun, signal }: PruneImagesOptions,
): Promise<PrunedImages['forgotten']> {
  // The image may be on another host.
  if (await isShared(directories)) return []
  const needed = await neededImages(directories)
  const forgotten: { readonly path: string; readonly id: string }[] = []
  for (const { path, id, uses } of needed.faults.length > 0 ? [] : gone) {
    throwIfCancelled('forget images', signal)
    const now = await lookAt(directories, path, needed)
    // A record is the last trace of a guest that was in the image, and the directory may be mounted again.
    const isNeeded = uses.length > 0 || needed.savingIds.has(id)
    if (isNeeded || now.id === id || now.state === 'unreadable') continue
    if (dryRun !== true) await forgetPlace(directories, id, path)
    forgotten.push({ path, id })
  }
  return forgotten
}
