import { crc32c } from '../../io/crc32c.ts'
import { imageDamaged, imageTooNew } from '../image-fault.ts'
import { readLong, writeLong } from '../long.ts'

/** Length of the end of a stasis image in bytes (docs/format/stasis.md, "Footer"). */
export const FOOTER_LENGTH = 64

const MAGIC = 'STASISFT'
const VERSION = 1

/** The place of the index. */
export interface StasisFooter {
  readonly indexOffset: number
  readonly indexLength: number
  readonly indexCrc: number
  /** 16 random bytes that identify an image. */
  readonly imageId: Uint8Array
}

/** Serialises a footer. */
export function serialiseFooter(footer: StasisFooter): Uint8Array {
  const bytes = Buffer.alloc(FOOTER_LENGTH)
  bytes.write(MAGIC, 'latin1')
  writeLong(bytes, footer.indexOffset, 8)
  writeLong(bytes, footer.indexLength, 16)
  bytes.writeUInt32LE(footer.indexCrc, 24)
  bytes.writeUInt32LE(VERSION, 28)
  bytes.set(footer.imageId.subarray(0, 16), 32)
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 60)), 60)
  return bytes
}

/**
 * Parses the last 64 bytes of a file.
 * @throws ImageError IMAGE_CORRUPT, IMAGE_TOO_NEW
 */
export function parseFooter(
  footer: Uint8Array,
  place: { readonly path: string; readonly offset: number },
): StasisFooter {
  const bytes = Buffer.from(footer.buffer, footer.byteOffset, footer.length)
  if (
    bytes.length !== FOOTER_LENGTH ||
    bytes.toString('latin1', 0, 8) !== MAGIC ||
    bytes.readUInt32LE(60) !== crc32c(bytes.subarray(0, 60))
  ) {
    const what = 'its magic or its checksum does not match'
    throw imageDamaged(place.path, what, { part: 'footer', offset: place.offset })
  }
  const version = bytes.readUInt32LE(28)
  if (version !== VERSION) {
    throw imageTooNew(place.path, 'footer', { version, known: VERSION, offset: place.offset + 28 })
  }
  return {
    indexOffset: readLong(bytes, 8),
    indexLength: readLong(bytes, 16),
    indexCrc: bytes.readUInt32LE(24),
    imageId: Uint8Array.from(bytes.subarray(32, 48)),
  }
}
