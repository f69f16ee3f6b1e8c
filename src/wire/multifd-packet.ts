import { Buffer } from 'node:buffer'
import { WireError } from './wire-error.ts'

/**
 * Multifd packets, as a QEMU source sends them on each channel. All integers are big-endian.
 * Source: `MultiFDInit_t`, `MultiFDPacket_t` in QEMU's migration/multifd.h and multifd.c, the same bytes in 7.2, 10.0 and 11.1;
 * `zeroPages` was spare (and 0) before 9.0.
 */

/** First word of every packet and of every channel. */
export const MULTIFD_MAGIC = 0x11223344

/** Bytes of the packet that opens a channel. */
export const MULTIFD_INIT_LENGTH = 64

/** Bytes of a packet's header before its page offsets. */
export const MULTIFD_HEADER_LENGTH = 320

/** Most pages in a packet: 512 KiB of them (`MULTIFD_PACKET_SIZE`). Every packet has room for so many offsets, used or not. */
export const MULTIFD_PACKET_PAGES = 128

/** The sender waits for all channels here: nothing behind it overtakes it. */
export const MULTIFD_FLAG_SYNC = 1

// Every flag but SYNC says how the pages are encoded, or that they are no pages.
const FLAGS_KNOWN = MULTIFD_FLAG_SYNC
const VERSION = 1
const PAGE_SIZE = 4096

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
  /** Pages that are zero: behind the normal ones in the table, without bytes. */
  readonly zeroPages: number
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
 * Reads the header of a packet that carries plain pages.
 * @throws WireError for packets that are compressed by QEMU, that carry device state, or that contradict themselves
 */
export function parseMultifdHeader(bytes: Uint8Array): MultifdHeader {
  const view = asBuffer(bytes)
  checkStart(view)
  const flags = view.readUInt32BE(8)
  if ((flags & ~FLAGS_KNOWN) !== 0)
    throw new WireError(`multifd packet with flags 0x${flags.toString(16)}`, 8)
  const normalPages = view.readUInt32BE(16)
  const zeroPages = view.readUInt32BE(32)
  if (normalPages + zeroPages > MULTIFD_PACKET_PAGES) {
    throw new WireError(`multifd packet of ${normalPages} and ${zeroPages} pages`, 16)
  }
  const dataLength = view.readUInt32BE(20)
  // A packet without pages repeats the length of the one before it.
  if (normalPages > 0 && dataLength !== normalPages * PAGE_SIZE) {
    throw new WireError(`multifd packet of ${normalPages} pages announces ${dataLength} bytes`, 20)
  }
  const nameEnd = view.indexOf(0, 64)
  if (nameEnd < 64 || nameEnd >= MULTIFD_HEADER_LENGTH)
    throw new WireError('multifd packet whose block name has no end', 64)
  return {
    sync: (flags & MULTIFD_FLAG_SYNC) !== 0,
    normalPages,
    zeroPages,
    block: view.toString('utf8', 64, nameEnd),
  }
}

/**
 * Reads `count` entries of the offset table as page numbers.
 * @throws WireError for an offset that is no page's or beyond 2^53
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
      throw new WireError('multifd packet with an offset that is no page', at)
    return (high * 0x1_0000_0000 + low) / PAGE_SIZE
  })
}

function checkStart(view: Buffer): void {
  if (view.readUInt32BE(0) !== MULTIFD_MAGIC) throw new WireError('no multifd magic', 0)
  if (view.readUInt32BE(4) !== VERSION)
    throw new WireError(`multifd version ${view.readUInt32BE(4)}`, 4)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
