import { receiveAll } from '../../io/sockets/blocking-socket.ts'
import {
  MULTIFD_HEADER_LENGTH,
  MULTIFD_INIT_LENGTH,
  MULTIFD_MAGIC,
  MULTIFD_PACKET_LENGTH,
  MULTIFD_PACKET_PAGES,
  parseMultifdHeader,
  parseMultifdInit,
  readPageNumbers,
} from '../../wire/multifd-packet.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { WireError } from '../../wire/wire-error.ts'
import { type Segment, type SlotRange, layoutPacket } from './packet-layout.ts'

/** A packet in more pieces than this is read at once and sorted in memory: a read costs more than a copy. */
const MAX_DIRECT_READS = 8

/** The start of a packet: its page numbers, without the bytes of pages. */
export interface PacketStart {
  readonly block: string
  /** In the order of their bytes. */
  readonly normalPages: readonly number[]
  readonly zeroPages: readonly number[]
}

/** Reads multifd packets from blocking sockets, on its own thread. */
export class PacketReceiver {
  readonly #header = Buffer.allocUnsafeSlow(MULTIFD_PACKET_LENGTH)
  readonly #staging = Buffer.allocUnsafeSlow(MULTIFD_PACKET_PAGES * PAGE_SIZE)

  /** Reads the packet that opens a channel, without its first word, which was read to identify it. @throws WireError */
  open(fd: number): void {
    const init = Buffer.alloc(MULTIFD_INIT_LENGTH)
    init.writeUInt32BE(MULTIFD_MAGIC, 0)
    requireAll(fd, init.subarray(4))
    parseMultifdInit(init)
  }

  /** Reads the next packet up to its pages; returns `undefined` at the end of the channel. @throws WireError */
  start(fd: number): PacketStart | undefined {
    const length = receiveAll(fd, this.#header)
    if (length === 0) return undefined
    if (length < MULTIFD_PACKET_LENGTH) throw brokenOff()
    const { block, normalPages, zeroPages } = parseMultifdHeader(this.#header)
    const table = this.#header.subarray(MULTIFD_HEADER_LENGTH)
    return {
      block,
      normalPages: readPageNumbers(table, 0, normalPages),
      zeroPages: readPageNumbers(table, normalPages, zeroPages),
    }
  }

  /** Reads the pages into a slot, in the layout of guest memory; returns that layout. @throws WireError */
  pages(fd: number, { normalPages }: PacketStart, slot: Uint8Array): readonly Segment[] {
    const slotPages = slot.length / PAGE_SIZE
    const layout = layoutPacket(normalPages, slotPages)
    if (layout === undefined) throw new WireError('corrupt', 'a multifd packet has a page twice', 0)
    if (layout.reads.length > MAX_DIRECT_READS) {
      const staging = this.#staging.subarray(0, normalPages.length * PAGE_SIZE)
      requireAll(fd, staging)
      sort(staging, layout.reads, slot)
    } else {
      for (const { slotOffset, length } of layout.reads)
        requireAll(fd, slot.subarray(slotOffset, slotOffset + length))
    }
    for (const { slotOffset, length } of layout.gaps) slot.fill(0, slotOffset, slotOffset + length)
    return layout.segments
  }
}

function sort(staging: Uint8Array, reads: readonly SlotRange[], slot: Uint8Array): void {
  let at = 0
  for (const { slotOffset, length } of reads) {
    slot.set(staging.subarray(at, at + length), slotOffset)
    at += length
  }
}

function requireAll(fd: number, bytes: Uint8Array): void {
  if (receiveAll(fd, bytes) < bytes.length) throw brokenOff()
}

function brokenOff(): WireError {
  return new WireError('truncated', 'a migration channel ended inside a packet', 0)
}
