import { crc32c } from '../../io/crc32c.ts'
import type { ImageError } from '../../errors.ts'
import { imageDamaged, imageTooNew } from '../image-fault.ts'
import { readLong, writeLong } from '../long.ts'

// All numbers here are those of docs/format/channels.md.

/** The alignment of the table, which follows the main stream. */
export const TABLE_ALIGNMENT = 4096

/** Length of the end of the file, which contains the offset of the table. */
export const TABLE_END_LENGTH = 16

/** How much of a channel file its `headCrc` covers. */
export const CHANNEL_HEAD_LENGTH = 4096

/** The most channels in an image. */
const MAX_CHANNELS = 64

const MAGIC = 'STASISCH'
const END_MAGIC = 0x54484353
const VERSION = 1
const HEAD_LENGTH = 48
const ENTRY_LENGTH = 16

/** One channel file. */
export interface ChannelEntry {
  readonly length: number
  /** crc32c of the whole file. */
  readonly crc: number
  /** crc32c of its first 4096 bytes, or of all when it is shorter. */
  readonly headCrc: number
}

/** The data that `FILE` has about the main stream and its channel files. */
export interface ChannelTable {
  /** 16 random bytes that identify an image. */
  readonly imageId: Uint8Array
  readonly mainLength: number
  readonly mainCrc: number
  readonly channels: readonly ChannelEntry[]
}

interface Place {
  readonly path: string
  readonly offset: number
}

/** Length of a table for that many channels, in bytes. */
function tableLength(channels: number): number {
  return HEAD_LENGTH + channels * ENTRY_LENGTH + TABLE_END_LENGTH
}

/** Serialises a table. */
export function serialiseTable(table: ChannelTable): Uint8Array {
  const bytes = Buffer.alloc(tableLength(table.channels.length))
  bytes.write(MAGIC, 'latin1')
  bytes.writeUInt32LE(VERSION, 8)
  bytes.writeUInt32LE(table.channels.length, 12)
  bytes.set(table.imageId.subarray(0, 16), 16)
  writeLong(bytes, table.mainLength, 32)
  bytes.writeUInt32LE(table.mainCrc, 40)
  table.channels.forEach(({ length, crc, headCrc }, channel) => {
    const at = HEAD_LENGTH + channel * ENTRY_LENGTH
    writeLong(bytes, length, at)
    bytes.writeUInt32LE(crc, at + 8)
    bytes.writeUInt32LE(headCrc, at + 12)
  })
  bytes.writeUInt32LE(bytes.length, bytes.length - 12)
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, -8)), bytes.length - 8)
  bytes.writeUInt32LE(END_MAGIC, bytes.length - 4)
  return bytes
}

/**
 * Reads the last 16 bytes of a file at `place`; returns the length of the table that they end.
 * @throws ImageError IMAGE_CORRUPT
 */
export function parseTableEnd(end: Uint8Array, place: Place): number {
  const bytes = asBuffer(end)
  const length = bytes.length === TABLE_END_LENGTH ? bytes.readUInt32LE(4) : 0
  const channels = (length - tableLength(0)) / ENTRY_LENGTH
  if (
    !Number.isInteger(channels) ||
    channels < 1 ||
    channels > MAX_CHANNELS ||
    bytes.readUInt32LE(12) !== END_MAGIC
  ) {
    throw corrupt(place, 'its end is missing')
  }
  return length
}

/**
 * Parses a whole table at `place`.
 * @throws ImageError IMAGE_CORRUPT, IMAGE_TOO_NEW
 */
export function parseTable(table: Uint8Array, place: Place): ChannelTable {
  const bytes = asBuffer(table)
  if (
    bytes.length < tableLength(1) ||
    bytes.readUInt32LE(bytes.length - 8) !== crc32c(bytes.subarray(0, -8))
  ) {
    throw corrupt(place, 'its checksum does not match')
  }
  if (bytes.toString('latin1', 0, 8) !== MAGIC)
    throw corrupt(place, 'it does not start with its magic')
  const version = bytes.readUInt32LE(8)
  if (version !== VERSION) {
    throw imageTooNew(place.path, 'channel table', {
      version,
      known: VERSION,
      offset: place.offset + 8,
    })
  }
  const count = bytes.readUInt32LE(12)
  if (bytes.length !== tableLength(count))
    throw corrupt(place, `it does not have the length of one for ${count} channels`)
  return {
    imageId: Uint8Array.from(bytes.subarray(16, 32)),
    mainLength: readLong(bytes, 32),
    mainCrc: bytes.readUInt32LE(40),
    channels: Array.from({ length: count }, (_, channel) => {
      const at = HEAD_LENGTH + channel * ENTRY_LENGTH
      return {
        length: readLong(bytes, at),
        crc: bytes.readUInt32LE(at + 8),
        headCrc: bytes.readUInt32LE(at + 12),
      }
    }),
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function corrupt(place: Place, what: string): ImageError {
  return imageDamaged(place.path, what, { part: 'channel table', offset: place.offset })
}
