import { PAGE_SIZE } from './page-size.ts'
import { Buffer } from 'node:buffer'
import { WireError } from './wire-error.ts'

/**
 * Multifd packets, as a QEMU source sends them on each channel. All integers are big-endian. Source: `MultiFDInit_t`, `MultiFDPacket_t` in QEMU's
 * migration/multifd.h and multifd.c, the same bytes in 7.2, 10.0 and 11.1; `zeroPages` was a spare field (always 0) before 9.0.
 */

/** First word of every packet and of every channel. */
export const MULTIFD_MAGIC = 0x11223344

/** Length of the packet that opens a channel, in bytes. */
export const MULTIFD_INIT_LENGTH = 64

/** Length of a packet's header before its page offsets, in bytes. */
export const MULTIFD_HEADER_LENGTH = 320

/** Most pages in a packet: 512 KiB of them (`MULTIFD_PACKET_SIZE`). Every packet has space for this many offsets, used or not. */
export const MULTIFD_PACKET_PAGES = 128

/** Length of a packet without its pages' bytes: header and page offsets. */
export const MULTIFD_PACKET_LENGTH: number = MULTIFD_HEADER_LENGTH + MULTIFD_PACKET_PAGES * 8

/** The sender waits for all channels here: nothing sent later overtakes it. */
const MULTIFD_FLAG_SYNC = 1

/** QEMU's own compression of the pages of its multifd channels. It differs from our codecs and from libvirt's packings. */
export type MultifdCompression = 'none' | 'zlib' | 'zstd'

/** The flag for QEMU's compression of a packet's pages (`MULTIFD_FLAG_ZLIB`, `MULTIFD_FLAG_ZSTD`). */
const COMPRESSION_FLAGS: Readonly<Record<MultifdCompression, number>> = {
  none: 0,
  zlib: 2,
  zstd: 4,
}

/** The names of all compressions. */
export const MULTIFD_COMPRESSIONS: readonly MultifdCompression[] = Object.keys(
  COMPRESSION_FLAGS,
) as MultifdCompression[]

const VERSION = 1

/** The packet that opens a channel. */
export interface MultifdInit {
  readonly vmUuid: Uint8Array
  readonly channel: number
}

/** The fixed part of a packet. */
export interface MultifdHeader {
  readonly sync: boolean
  /** Pages whose bytes follow the table. Their offsets come first in the table. */
  readonly normalPages: number
  /** Zero pages: after the normal ones in the table, without bytes. */
  readonly zeroPages: number
  /** Bytes after the table: those of the normal pages, compressed or not. */
  readonly dataLength: number
  /** The RAM block of all the pages; empty when there are none. */
  readonly block: string
}

/** @throws WireError */
export function parseMultifdInit(bytes: Uint8Array): MultifdInit {
  const view = asBuffer(bytes)
  checkStart(view)
  return { vmUuid: view.subarray(8, 24), channel: view.readUInt8(24) }
}

/**
 * Parses the header of a packet whose pages are plain, or compressed by QEMU with `compression`.
 * @throws WireError for packets that are compressed otherwise, that carry device state, or that contradict themselves
 */
export function parseMultifdHeader(
  bytes: Uint8Array,
  compression: MultifdCompression = 'none',
): MultifdHeader {
  const view = asBuffer(bytes)
  checkStart(view)
  const flags = view.readUInt32BE(8)
  // Every flag but SYNC gives the encoding of the pages, or marks a packet without pages; a packet without pages may lack it.
  if ((flags & ~MULTIFD_FLAG_SYNC & ~COMPRESSION_FLAGS[compression]) !== 0)
    throw new WireError('unsupported', `a multifd packet has flags 0x${flags.toString(16)}`, 8)
  const normalPages = view.readUInt32BE(16)
  const zeroPages = view.readUInt32BE(32)
  if (normalPages + zeroPages > MULTIFD_PACKET_PAGES) {
    throw new WireError('corrupt', `a multifd packet has ${normalPages} + ${zeroPages} pages`, 16)
  }
  const dataLength = view.readUInt32BE(20)
  // A packet without pages repeats the length of the one before it.
  const most = normalPages * PAGE_SIZE
  const fits = compression === 'none' ? dataLength === most : dataLength <= most * 2 + 65536
  if (normalPages > 0 && !fits)
    throw new WireError(
      'corrupt',
      `a multifd packet of ${normalPages} pages announces ${dataLength} bytes`,
      20,
    )
  const nameEnd = view.indexOf(0, 64)
  if (nameEnd < 64 || nameEnd >= MULTIFD_HEADER_LENGTH)
    throw new WireError('corrupt', 'the block name in a multifd packet is not terminated', 64)
  return {
    sync: (flags & MULTIFD_FLAG_SYNC) !== 0,
    normalPages,
    zeroPages,
    dataLength: normalPages === 0 ? 0 : dataLength,
    block: view.toString('utf8', 64, nameEnd),
  }
}

/**
 * Parses `count` entries of the offset table as page numbers.
 * @throws WireError for an offset that is not a multiple of the page size, or is beyond 2^53
 */
export function readPageNumbers(
  table: Uint8Array,
  first: number,
  count: number,
): readonly number[] {
  const view = asBuffer(table)
  return Array.from({ length: count }, (_, index) => {
    const at = (first + index) * 8
    const high = view.readUInt32BE(at)
    const low = view.readUInt32BE(at + 4)
    if (low % PAGE_SIZE !== 0 || high >= 0x100000)
      throw new WireError('corrupt', 'an offset in a multifd packet is not that of a page', at)
    return (high * 0x1_0000_0000 + low) / PAGE_SIZE
  })
}

/** The packet that opens a channel. */
export function serialiseMultifdInit(init: MultifdInit): Buffer {
  const bytes = Buffer.alloc(MULTIFD_INIT_LENGTH)
  bytes.writeUInt32BE(MULTIFD_MAGIC, 0)
  bytes.writeUInt32BE(VERSION, 4)
  bytes.set(init.vmUuid.subarray(0, 16), 8)
  bytes.writeUInt8(init.channel, 24)
  return bytes
}

/** A packet's header and table; the plain bytes of its pages follow. Without pages it marks a point where channels wait for each other (SYNC). */
export function serialiseMultifdPacket(packet: {
  readonly number: number
  readonly block: string
  readonly firstPage: number
  readonly pageCount: number
}): Buffer {
  const { number, block, firstPage, pageCount } = packet
  const bytes = Buffer.alloc(MULTIFD_PACKET_LENGTH)
  bytes.writeUInt32BE(MULTIFD_MAGIC, 0)
  bytes.writeUInt32BE(VERSION, 4)
  bytes.writeUInt32BE(pageCount === 0 ? MULTIFD_FLAG_SYNC : 0, 8)
  bytes.writeUInt32BE(MULTIFD_PACKET_PAGES, 12)
  bytes.writeUInt32BE(pageCount, 16)
  bytes.writeUInt32BE(pageCount * PAGE_SIZE, 20)
  bytes.writeBigUInt64BE(BigInt(number), 24)
  bytes.write(block, 64, 255, 'utf8')
  for (let page = 0; page < pageCount; page += 1)
    bytes.writeBigUInt64BE(BigInt((firstPage + page) * PAGE_SIZE), MULTIFD_HEADER_LENGTH + page * 8)
  return bytes
}

function checkStart(view: Buffer): void {
  if (view.readUInt32BE(0) !== MULTIFD_MAGIC)
    throw new WireError('corrupt', 'a multifd packet does not start with its magic', 0)
  if (view.readUInt32BE(4) !== VERSION)
    throw new WireError('unsupported', `a multifd packet has version ${view.readUInt32BE(4)}`, 4)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
