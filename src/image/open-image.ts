import { openChannels } from './channels/reader.ts'
import { type ImageReader, type OpenImageOptions, openImageFile } from './opened-image.ts'
import { openPacked } from './packed/reader.ts'
import { openRaw } from './raw/reader.ts'
import type { SaveFormat } from './save-format.ts'
import type { MachineDescription, SavedMachine } from './saved-machine.ts'
import { openSparse } from './sparse/reader.ts'
import { openStasis } from './stasis/reader.ts'

/** The reader of each format's body: one line for each. */
const READERS: Readonly<Record<SaveFormat, ImageReader>> = {
  stasis: openStasis,
  channels: openChannels,
  raw: openRaw,
  gzip: openPacked('gzip'),
  bzip2: openPacked('bzip2'),
  xz: openPacked('xz'),
  lzop: openPacked('lzop'),
  zstd: openPacked('zstd'),
  sparse: openSparse,
}

/**
 * Opens a save image of any format for restoring. Checks everything that can be checked without reading the memory.
 * @throws ImageError, StorageError
 */
export async function openImage(
  path: string,
  options: OpenImageOptions = {},
): Promise<SavedMachine> {
  const image = await openImageFile(path, options)
  try {
    return await READERS[image.header.format](image)
  } catch (error) {
    await image.file.close()
    throw error
  }
}

/**
 * Reads the description of the machine in an image, for every format that libvirt or we write, even where the body cannot be restored here.
 * @throws ImageError, StorageError
 */
export async function readDescription(path: string): Promise<MachineDescription> {
  const { file, description } = await openImageFile(path, { direct: false })
  await file.close()
  return description
}
