import { crc32c } from '../../io/crc32c.ts'
import { imageIdBytes, parseImageId } from '../image-id.ts'
import { readLong, writeLong } from '../long.ts'

// All numbers here are those of docs/format/digest.md.

/** The bytes of an image that one checksum covers. */
export const CHUNK_LENGTH = 65536

/** The first bytes of a digest. */
export const DIGEST_MAGIC = 'STASISDG'

const VERSION = 1
const HEAD_LENGTH = 64
const MAX_CHUNKS = 0x4000_0000

/** The checksums of an image, from the chunk in which its body begins to the last. */
export interface ImageDigest {
  /** The id of the image: of its header, or else of its content. */
  readonly imageId: string
  /** The number of its format in the header. */
  readonly format: number
  readonly fileLength: number
  /** The description before it is not covered, because it may be edited. */
  readonly bodyOffset: number
  /** crc32c of each chunk; of the first, the part from `bodyOffset` on; of the last, the part up to the end of the file. */
  readonly crcs: Uint32Array
}

/** The number of the first chunk. */
export function firstChunk({ bodyOffset }: Pick<ImageDigest, 'bodyOffset'>): number {
  return Math.floor(bodyOffset / CHUNK_LENGTH)
}

/** How many chunks there are. */
export function chunkCount(digest: Pick<ImageDigest, 'bodyOffset' | 'fileLength'>): number {
  return Math.ceil(digest.fileLength / CHUNK_LENGTH) - firstChunk(digest)
}

/** Serialises a digest. */
export function serialiseDigest(digest: ImageDigest): Uint8Array {
  const bytes = Buffer.alloc(HEAD_LENGTH + digest.crcs.length * 4 + 4)
  bytes.write(DIGEST_MAGIC, 'latin1')
  bytes.writeUInt32LE(VERSION, 8)
  bytes.writeUInt32LE(CHUNK_LENGTH, 12)
  bytes.set(imageIdBytes(digest.imageId), 16)
  writeLong(bytes, digest.fileLength, 32)
  writeLong(bytes, digest.bodyOffset, 40)
  bytes.writeUInt32LE(digest.format, 48)
  bytes.writeUInt32LE(digest.crcs.length, 52)
  digest.crcs.forEach((crc, chunk) => bytes.writeUInt32LE(crc, HEAD_LENGTH + chunk * 4))
  const end = bytes.length - 4
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, end)), end)
  return bytes
}

/** Parses a digest; `undefined` if it is damaged, or of a version that this program does not know. */
export function parseDigest(digest: Uint8Array): ImageDigest | undefined {
  const bytes = Buffer.from(digest.buffer, digest.byteOffset, digest.length)
  if (bytes.length < HEAD_LENGTH + 4 || bytes.toString('latin1', 0, 8) !== DIGEST_MAGIC)
    return undefined
  const end = bytes.length - 4
  if (bytes.readUInt32LE(end) !== crc32c(bytes.subarray(0, end))) return undefined
  if (bytes.readUInt32LE(8) !== VERSION || bytes.readUInt32LE(12) !== CHUNK_LENGTH) return undefined
  const place = { fileLength: readLong(bytes, 32), bodyOffset: readLong(bytes, 40) }
  const count = bytes.readUInt32LE(52)
  const isPossible =
    count <= MAX_CHUNKS &&
    Number.isSafeInteger(place.fileLength) &&
    place.bodyOffset < place.fileLength &&
    count === chunkCount(place) &&
    end === HEAD_LENGTH + count * 4
  if (!isPossible) return undefined
  return {
    imageId: parseImageId(bytes.subarray(16, 32)) ?? '',
    format: bytes.readUInt32LE(48),
    ...place,
    crcs: Uint32Array.from({ length: count }, (_, chunk) =>
      bytes.readUInt32LE(HEAD_LENGTH + chunk * 4),
    ),
  }
}
