import { ImageError, StasisError } from '../../errors.ts'
import { openImageFile } from '../opened-image.ts'
import { readTable } from './reader.ts'

/** A complete `channels` image that a save is about to replace. */
export interface ExistingImage {
  /** Hexadecimal. */
  readonly imageId: string
  readonly channels: number
}

/**
 * The `channels` image at `path`; `undefined` when there is none, or another kind of file; `damaged` when it is one whose channels are unknown.
 * @throws StorageError when the file cannot be read: it may be an image
 */
export async function existingImage(path: string): Promise<ExistingImage | 'damaged' | undefined> {
  try {
    const image = await openImageFile(path, { direct: false })
    await using _ = image.file
    if (image.header.format !== 'channels') return undefined
    const { imageId, channels } = await readTable(image)
    return { imageId: Buffer.from(imageId).toString('hex'), channels: channels.length }
  } catch (error) {
    if (StasisError.is(error, 'FILE_NOT_FOUND')) return undefined
    if (!(error instanceof ImageError)) throw error
    return error.code === 'NOT_AN_IMAGE' || error.code === 'IMAGE_INCOMPLETE'
      ? undefined
      : 'damaged'
  }
}
