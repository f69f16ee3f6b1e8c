import { stat } from 'node:fs/promises'
import { FORMATS } from './format-table.ts'
import type { SaveFormat } from './save-format.ts'

/** The size of all files of an image. */
export interface ImageSize {
  /** Their apparent length. */
  readonly fileBytes: number
  /** Their disk blocks. */
  readonly allocatedBytes: number
}

/** The block of stat(2) in bytes. */
const BLOCK_LENGTH = 512

/**
 * Measures the files of an image with that many channels; a missing file counts as empty. `length` is that of an image on a block device, which has no
 * size of its own.
 */
export async function imageSize(
  path: string,
  format: SaveFormat,
  channels: number,
  length = 0,
): Promise<ImageSize> {
  let fileBytes = 0
  let allocatedBytes = 0
  for (const file of FORMATS[format].traits.files(path, channels)) {
    const facts = await stat(file).catch(() => undefined)
    if (facts?.isBlockDevice() === true) return { fileBytes: length, allocatedBytes: length }
    fileBytes += facts?.size ?? 0
    allocatedBytes += (facts?.blocks ?? 0) * BLOCK_LENGTH
  }
  return { fileBytes, allocatedBytes }
}
