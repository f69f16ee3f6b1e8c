import type { AnnouncedBlock } from './main-stream.ts'
import { PAGE_SIZE } from './page-size.ts'
import { Buffer } from 'node:buffer'
import { RAM_FLAG, SECTION } from './stream-constants.ts'
import { WireError } from './wire-error.ts'

/**
 * The RAM section of a stream that QEMU wrote with the `mapped-ram` capability. A header follows each block's name and length; it gives the places of
 * the block's bitmap and pages in the file. The next block's name follows those pages. All integers of the stream are big-endian; the bitmap consists
 * of 64-bit little-endian words. Source: QEMU 10.0 migration/ram.c, `MappedRamHeader`, `mapped_ram_setup_ramblock`, `parse_ramblock_mapped_ram`;
 * docs/devel/migration/mapped-ram.rst.
 */

/** The pages of a block begin at a multiple of this (`MAPPED_RAM_FILE_OFFSET_ALIGNMENT`). */
export const MAPPED_RAM_ALIGNMENT: number = 1024 * 1024

/** The most bytes before the first block. */
export const MAX_MAPPED_START_LENGTH: number = 128 * 1024

/** The most bytes that a block's name, length and header take. */
export const MAX_MAPPED_BLOCK_LENGTH: number = 1 + 255 + 8 + 28

const HEADER_LENGTH = 28
const HEADER_VERSION = 1
const RAM_VERSION = 4

/** The beginning of such a stream. */
export interface MappedRamStart {
  /** Magic, version, configuration section. */
  readonly head: Uint8Array
  readonly ramSection: number
  /** Sum of the lengths of all blocks. */
  readonly totalLength: number
  /** Length of all this in bytes; the first block follows. */
  readonly length: number
}

/** The contents of a block's header. Offsets count from the start of the file, whatever precedes the stream. */
export interface MappedBlock extends AnnouncedBlock {
  readonly bitmapOffset: number
  readonly pagesOffset: number
}

const RAM_NAME = Buffer.from([3, 0x72, 0x61, 0x6d, 0, 0, 0, 0, 0, 0, 0, RAM_VERSION])

/** Parses everything up to the first block. `bytes` are the stream's first `MAX_MAPPED_START_LENGTH`, or all of it. @throws WireError */
export function parseMappedStart(bytes: Buffer): MappedRamStart {
  if (bytes.length < 8) throw new WireError('truncated', 'the stream has no head', bytes.length)
  if (bytes.readUInt32BE(0) !== 0x5145564d || bytes.readUInt32BE(4) !== 3)
    throw new WireError('corrupt', 'it is not a QEMU stream of version 3', 0)
  const name = bytes.indexOf(RAM_NAME)
  if (name < 0 && bytes.length < MAX_MAPPED_START_LENGTH)
    throw new WireError('truncated', 'the stream ends before its RAM section', bytes.length)
  if (name < 13 || bytes[name - 5] !== SECTION.START)
    throw new WireError('corrupt', 'no RAM section follows the configuration', 8)
  const at = name + RAM_NAME.length
  if (bytes.length < at + 8)
    throw new WireError('truncated', 'the stream ends before its RAM blocks', bytes.length)
  const totalLength = readLong(bytes, at) - RAM_FLAG.MEM_SIZE
  if (totalLength <= 0 || totalLength % PAGE_SIZE !== 0)
    throw new WireError('corrupt', 'the RAM section does not start with its size', at)
  return {
    head: bytes.subarray(0, name - 5),
    ramSection: bytes.readUInt32BE(name - 4),
    totalLength,
    length: at + 8,
  }
}

/** Serialises the RAM section up to its first block. */
export function mappedStart(ramSection: number, totalLength: number): Buffer {
  const bytes = Buffer.alloc(5 + RAM_NAME.length + 8)
  bytes.writeUInt8(SECTION.START, 0)
  bytes.writeUInt32BE(ramSection, 1)
  RAM_NAME.copy(bytes, 5)
  bytes.writeBigUInt64BE(BigInt(totalLength + RAM_FLAG.MEM_SIZE), 5 + RAM_NAME.length)
  return bytes
}

/** Parses a block's name, length and header; also returns how many bytes they take. @throws WireError */
export function parseMappedBlock(bytes: Buffer): MappedBlock & { readonly headerLength: number } {
  const nameLength = bytes[0] ?? 0
  const at = 1 + nameLength
  if (bytes.length < at + 8 + HEADER_LENGTH)
    throw new WireError('truncated', 'the list of RAM blocks ends early', 0)
  if (nameLength === 0) throw new WireError('corrupt', 'a RAM block has no name', 0)
  const version = bytes.readUInt32BE(at + 8)
  if (version !== HEADER_VERSION)
    throw new WireError('unsupported', `its mapped-ram header has version ${version}`, at + 8)
  const pageSize = readLong(bytes, at + 12)
  if (pageSize !== PAGE_SIZE)
    throw new WireError('unsupported', `its pages have ${pageSize} bytes`, at + 12)
  return {
    name: bytes.toString('utf8', 1, at),
    length: readLong(bytes, at),
    bitmapOffset: readLong(bytes, at + 20),
    pagesOffset: readLong(bytes, at + 28),
    headerLength: at + 8 + HEADER_LENGTH,
  }
}

/** Serialises a block's name, length and header. */
export function serialiseMappedBlock(block: MappedBlock): Buffer {
  const name = Buffer.from(block.name)
  const bytes = Buffer.alloc(1 + name.length + 8 + HEADER_LENGTH)
  bytes.writeUInt8(name.length)
  name.copy(bytes, 1)
  const at = 1 + name.length
  bytes.writeBigUInt64BE(BigInt(block.length), at)
  bytes.writeUInt32BE(HEADER_VERSION, at + 8)
  bytes.writeBigUInt64BE(BigInt(PAGE_SIZE), at + 12)
  bytes.writeBigUInt64BE(BigInt(block.bitmapOffset), at + 20)
  bytes.writeBigUInt64BE(BigInt(block.pagesOffset), at + 28)
  return bytes
}

/** Length of a block's bitmap in bytes. */
export function bitmapLength(length: number): number {
  return Math.ceil(length / PAGE_SIZE / 64) * 8
}

/** Places the bitmap and pages of a block whose name is at `offset` of the file, as QEMU lays them out. */
export function placeBlock(name: string, length: number, offset: number): MappedBlock {
  const bitmapOffset = offset + 1 + Buffer.byteLength(name) + 8 + HEADER_LENGTH
  const end = bitmapOffset + bitmapLength(length)
  return {
    name,
    length,
    bitmapOffset,
    pagesOffset: Math.ceil(end / MAPPED_RAM_ALIGNMENT) * MAPPED_RAM_ALIGNMENT,
  }
}

/** Inexact above 2^53, which every check against a file's length refuses. */
function readLong(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}
