import { ImageError, StorageError } from '../../../errors.ts'
import { openImage } from '../../../image/open-image.ts'
import { readPageDigests } from '../../../image/stasis/page-digest-file.ts'
import type { BaseImage } from '../../../transfer/convert/differences.ts'
import { listedCheckpoints } from '../../store/checkpoints/checkpoint-record.ts'
import type { Directories } from '../../store/directories.ts'
import { keptMemory } from './memory-file.ts'

/** The most images of which one memory consists. A restore opens all of them. */
export const MOST_IMAGES = 8

/**
 * Chooses the memory that a new checkpoint is based on: that of the nearest checkpoint with digests of its pages, from `name` backwards. `undefined` if there is none, if it
 * cannot be read, or if it already consists of too many images: then all pages are stored.
 * @throws StorageError when the checkpoints cannot be listed
 */
export async function chooseBase(
  directories: Directories,
  domain: string,
  name: string | undefined,
): Promise<BaseImage | undefined> {
  const records = await listedCheckpoints(directories, domain)
  let record = records.find((one) => one.name === name)
  // Each is older than the one before: this ends.
  for (let left = records.length; record !== undefined && left > 0; left -= 1) {
    const path = keptMemory(directories, domain, record)
    const base = path === undefined ? undefined : await baseAt(path, record.name)
    if (base === 'too-long') return undefined
    if (base !== undefined) return base
    const { parent } = record
    record = records.find((one) => one.name === parent)
  }
  return undefined
}

/** The memory of a checkpoint as a base for another; `undefined` if it cannot be one. */
export async function baseAt(
  path: string,
  name: string,
): Promise<BaseImage | 'too-long' | undefined> {
  const found = await readPageDigests(path)
  if (found === undefined) return undefined
  const { imageId, digests } = found
  try {
    await using machine = await openImage(path, { direct: false })
    if (machine.description.id !== imageId || machine.format !== 'stasis') return undefined
    return (machine.bases?.length ?? 0) + 1 < MOST_IMAGES ? { name, imageId, digests } : 'too-long'
  } catch (error) {
    // A damaged image helps no new one, and does not prevent one.
    if (error instanceof ImageError || error instanceof StorageError) return undefined
    throw error
  }
}
