import { ImageError } from '../errors.ts'
import { openChannels } from './channels/reader.ts'
import { type ImageReader, type OpenImageOptions, openImageFile } from './opened-image.ts'
import { openRaw } from './raw/reader.ts'
import type { SaveFormat } from './save-format.ts'
import type { MachineDescription, SavedMachine } from './saved-machine.ts'
import { openStasis } from './stasis/reader.ts'

/** Who reads the body of which format: one file and one line for each. */
const READERS: Readonly<Partial<Record<SaveFormat, ImageReader>>> = {
  stasis: openStasis,
  channels: openChannels,
  raw: openRaw,
}

/**
 * Opens a save image of whatever format for restoring. Checks everything that can be checked without reading the memory.
 * @throws ImageError, StorageError
 */
export async function openImage(path: string, options: OpenImageOptions): Promise<SavedMachine> {
  const image = await openImageFile(path, options)
  try {
    const reader = READERS[image.header.format]
    if (reader === undefined) {
      throw new ImageError(
        'IMAGE_UNSUPPORTED',
        `${path} is an image of format ${image.header.format}, which this version cannot restore`,
        { path, offset: 28, hint: `It restores these formats: ${Object.keys(READERS).join(', ')}` },
      )
    }
    return await reader(image)
  } catch (error) {
    await image.file.close()
    throw error
  }
}

/**
 * Reads what an image says about the machine; for every format that libvirt or we write, also where the body cannot be restored here.
 * @throws ImageError, StorageError
 */
export async function readDescription(path: string): Promise<MachineDescription> {
  const { file, description } = await openImageFile(path, { direct: false })
  await file.close()
  return description
}
