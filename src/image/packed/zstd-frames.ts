/**
 * Finds the ends of zstd frames without decompressing them: a frame is a header and blocks, and each block contains its length. Source: RFC 8878,
 * sections 3.1.1 and 3.1.2.
 */

/** The contents of a frame's header. */
export interface ZstdFrameHeader {
  readonly headerLength: number
  /** Length of the decompressed frame in bytes, when the header has it. */
  readonly contentLength: number | undefined
  readonly checksum: boolean
  /** A skippable frame: this many bytes follow its header and have no meaning. */
  readonly skip: number | undefined
}

/** The longest header in bytes. */
export const MAX_FRAME_HEADER = 18

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a50
const CONTENT_LENGTHS = [0, 2, 4, 8] as const
const DICTIONARY_LENGTHS = [0, 1, 2, 4] as const

/** Reads a frame's header; `undefined` when `bytes` is too short for it, `'foreign'` when it is not zstd. */
export function readFrameHeader(bytes: Buffer): ZstdFrameHeader | 'foreign' | undefined {
  if (bytes.length < 4) return undefined
  const magic = bytes.readUInt32LE(0)
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
    if (bytes.length < 8) return undefined
    return {
      headerLength: 8,
      contentLength: 0,
      checksum: false,
      skip: bytes.readUInt32LE(4),
    }
  }
  if (magic !== MAGIC) return 'foreign'
  if (bytes.length < 5) return undefined
  const descriptor = bytes.readUInt8(4)
  const single = (descriptor & 0x20) !== 0
  const contentField = CONTENT_LENGTHS[(descriptor >> 6) as 0 | 1 | 2 | 3]
  const contentBytes = contentField === 0 && single ? 1 : contentField
  const at = 5 + (single ? 0 : 1) + DICTIONARY_LENGTHS[(descriptor & 3) as 0 | 1 | 2 | 3]
  if (bytes.length < at + contentBytes) return undefined
  return {
    headerLength: at + contentBytes,
    contentLength: readContentLength(bytes, at, contentBytes),
    checksum: (descriptor & 4) !== 0,
    skip: undefined,
  }
}

/** Reads a block's header of three bytes: the length of its content, and whether it is the frame's last block. */
export function readBlockHeader(bytes: Buffer): {
  readonly length: number
  readonly last: boolean
} {
  const word = bytes.readUIntLE(0, 3)
  const repeated = ((word >> 1) & 3) === 1
  return { length: repeated ? 1 : word >> 3, last: (word & 1) === 1 }
}

function readContentLength(bytes: Buffer, at: number, length: number): number | undefined {
  switch (length) {
    case 0:
      return undefined
    case 1:
      return bytes.readUInt8(at)
    case 2:
      return bytes.readUInt16LE(at) + 256
    case 4:
      return bytes.readUInt32LE(at)
    default:
      return Number(bytes.readBigUInt64LE(at))
  }
}
