import { crc32c } from '../../io/crc32c.ts'
import type { ImageError } from '../../errors.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { imageDamaged, imageTooNew } from '../image-fault.ts'
import {
  BASE_RECORD_LENGTH,
  type BaseReference,
  parseBase,
  serialiseBase,
} from './base-reference.ts'
import { FRAME_RECORD_LENGTH, FrameTable } from './frame-table.ts'
import { readLong, writeLong } from '../long.ts'
import type { RamBlock } from '../saved-machine.ts'

// All numbers here are those of docs/format/stasis.md.

/** Length of the index before its blocks. */
export const INDEX_HEAD_LENGTH = 64

/** Length of a block's record. */
export const BLOCK_RECORD_LENGTH = 288

/** The most blocks in an image. */
const MAX_BLOCKS = 4096

/** Longest frame that a reader accepts, in pages (4 MiB). */
export const MAX_FRAME_PAGES = 1024

/** The alignment of blocks that can be mapped. */
export const LINEAR_ALIGNMENT: number = 1024 * 1024

/** The alignment of compressed frames. */
export const FRAME_ALIGNMENT = 8

/** The alignment of stream head, device state and index. */
export const PART_ALIGNMENT = 4096

const INDEX_MAGIC = 'STASISIX'
const VERSION = 1

/** The version of an index with a base. */
const VERSION_WITH_BASE = 2
const MAX_HEAD_LENGTH = 65536
const MAX_DEVICE_LENGTH = 1024 * 1024 * 1024
const NAME_LENGTH = 256

/** A piece of the file with its checksum. */
export interface FilePart {
  readonly offset: number
  readonly length: number
  readonly crc: number
}

/** The contents of the index. */
export interface StasisIndex {
  /** Magic, version and configuration section of QEMU's stream. */
  readonly head: FilePart
  /** Everything after the last RAM section; the first `sectionsLength` bytes precede the end mark. */
  readonly device: FilePart & { readonly sectionsLength: number }
  /** The id of the RAM section. */
  readonly ramSection: number
  readonly blocks: readonly RamBlock[]
  readonly frames: FrameTable
  /** The image that has the pages of the frames that are not in this file. */
  readonly base?: BaseReference | undefined
}

/** Length of everything before the blocks. */
export function indexHeadLength(base: BaseReference | undefined): number {
  return INDEX_HEAD_LENGTH + (base === undefined ? 0 : BASE_RECORD_LENGTH)
}

/** Serialises an index with its frames in the right order, whatever order they were appended in. */
export function serialiseIndex(index: StasisIndex): Uint8Array {
  const { head, device, blocks, frames, base } = index
  const blocksAt = indexHeadLength(base)
  const framesAt = blocksAt + blocks.length * BLOCK_RECORD_LENGTH
  const bytes = Buffer.alloc(framesAt + frames.count * FRAME_RECORD_LENGTH)
  bytes.write(INDEX_MAGIC, 0, 'latin1')
  bytes.writeUInt32LE(base === undefined ? VERSION : VERSION_WITH_BASE, 8)
  bytes.writeUInt32LE(blocks.length, 12)
  bytes.writeUInt32LE(frames.count, 16)
  bytes.writeUInt32LE(PAGE_SIZE, 20)
  writeLong(bytes, head.offset, 24)
  bytes.writeUInt32LE(head.length, 32)
  bytes.writeUInt32LE(head.crc, 36)
  writeLong(bytes, device.offset, 40)
  bytes.writeUInt32LE(device.length, 48)
  bytes.writeUInt32LE(device.crc, 52)
  bytes.writeUInt32LE(device.sectionsLength, 56)
  bytes.writeUInt32LE(index.ramSection, 60)
  if (base !== undefined) bytes.set(serialiseBase(base), INDEX_HEAD_LENGTH)
  blocks.forEach((block, position) => {
    const at = blocksAt + position * BLOCK_RECORD_LENGTH
    bytes.write(block.name, at, NAME_LENGTH, 'utf8')
    writeLong(bytes, block.length, at + 256)
    writeLong(bytes, block.linearOffset ?? 0, at + 264)
  })
  frames.sortInto(bytes.subarray(framesAt))
  return bytes
}

/**
 * Parses an index whose checksum was correct. Checks everything that depends on it alone: magic, counts against its length, names, limits;
 * `checkIndex` checks it against the file.
 * @throws ImageError IMAGE_CORRUPT, IMAGE_TOO_NEW
 */
export function parseIndex(
  index: Uint8Array,
  place: { readonly path: string; readonly offset: number },
): StasisIndex {
  const bytes = Buffer.from(index.buffer, index.byteOffset, index.length)
  const refuse = (at: number, what: string): ImageError => damagedIndex(place, at, what)
  if (bytes.length < INDEX_HEAD_LENGTH || bytes.toString('latin1', 0, 8) !== INDEX_MAGIC)
    throw refuse(0, 'it does not start with its magic')
  const version = bytes.readUInt32LE(8)
  if (version !== VERSION && version !== VERSION_WITH_BASE) {
    const known = VERSION_WITH_BASE
    throw imageTooNew(place.path, 'index', { version, known, offset: place.offset + 8 })
  }
  const hasBase = version === VERSION_WITH_BASE
  const blocksAt = INDEX_HEAD_LENGTH + (hasBase ? BASE_RECORD_LENGTH : 0)
  const blockCount = bytes.readUInt32LE(12)
  const frameCount = bytes.readUInt32LE(16)
  if (blockCount < 1 || blockCount > MAX_BLOCKS)
    throw refuse(12, `it cannot have ${blockCount} blocks`)
  const framesAt = blocksAt + blockCount * BLOCK_RECORD_LENGTH
  const length = framesAt + frameCount * FRAME_RECORD_LENGTH
  if (length !== bytes.length) {
    throw refuse(
      16,
      `${blockCount} blocks and ${frameCount} frames need ${length} bytes, but it has ${bytes.length}`,
    )
  }
  if (bytes.readUInt32LE(20) !== PAGE_SIZE)
    throw refuse(20, `its pages cannot have ${bytes.readUInt32LE(20)} bytes`)
  const base = hasBase ? parseBase(bytes.subarray(INDEX_HEAD_LENGTH, blocksAt)) : undefined
  if (hasBase && base === undefined)
    throw refuse(INDEX_HEAD_LENGTH, 'its base does not have the name of a directory')
  const head = readPart(bytes, 24)
  if (head.length < 8 || head.length > MAX_HEAD_LENGTH)
    throw refuse(32, `the stream head cannot have ${head.length} bytes`)
  const device = readPart(bytes, 40)
  if (device.length < 1 || device.length > MAX_DEVICE_LENGTH)
    throw refuse(48, `the device state cannot have ${device.length} bytes`)
  const sectionsLength = bytes.readUInt32LE(56)
  if (sectionsLength > device.length)
    throw refuse(
      56,
      `the device sections take ${sectionsLength} bytes of a device state of ${device.length} bytes`,
    )
  const blocks: RamBlock[] = []
  const names = new Set<string>()
  for (let position = 0; position < blockCount; position += 1) {
    const at = blocksAt + position * BLOCK_RECORD_LENGTH
    const block = readBlock(bytes, at)
    if (block === undefined) throw refuse(at, `block ${position} has no valid name`)
    if (names.has(block.name)) throw refuse(at, `two blocks have the name ${block.name}`)
    names.add(block.name)
    blocks.push(block)
  }
  return {
    head,
    device: { ...device, sectionsLength },
    ramSection: bytes.readUInt32LE(60),
    blocks,
    frames: new FrameTable(bytes.subarray(framesAt)),
    ...(base !== undefined && { base }),
  }
}

/** The error for a damaged index with a correct checksum. */
export function damagedIndex(
  place: { readonly path: string; readonly offset: number },
  at: number,
  what: string,
): ImageError {
  return imageDamaged(place.path, what, { part: 'index', offset: place.offset + at })
}

/** A piece of the file, described for the index. */
export function filePart(offset: number, bytes: Uint8Array): FilePart {
  return { offset, length: bytes.length, crc: crc32c(bytes) }
}

function readPart(bytes: Buffer, at: number): FilePart {
  return {
    offset: readLong(bytes, at),
    length: bytes.readUInt32LE(at + 8),
    crc: bytes.readUInt32LE(at + 12),
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readBlock(bytes: Buffer, at: number): RamBlock | undefined {
  const field = bytes.subarray(at, at + NAME_LENGTH)
  const end = field.indexOf(0)
  if (end < 1 || field.subarray(end).some((byte) => byte !== 0)) return undefined
  try {
    return {
      name: utf8.decode(field.subarray(0, end)),
      length: readLong(bytes, at + 256),
      linearOffset: readLong(bytes, at + 264) || undefined,
    }
  } catch {
    return undefined
  }
}
