import { Socket } from 'node:net'
import { QemuError } from '../errors.ts'
import { PAGE_SIZE } from '../image/saved-machine.ts'
import {
  MULTIFD_HEADER_LENGTH,
  MULTIFD_INIT_LENGTH,
  MULTIFD_PACKET_PAGES,
  type MultifdHeader,
  parseMultifdHeader,
  parseMultifdInit,
  readPageNumbers,
} from '../wire/multifd-packet.ts'
import { type PacketLayout, type SlotRange, layoutPacket } from './packet-layout.ts'
import type { SlotPool } from './slot-pool.ts'

/** Takes the pages of packets. Errors end the channel. */
export interface PacketSink {
  /** Owns the slot until it releases it to the pool. */
  packet(block: string, slot: Uint8Array, layout: PacketLayout): void
  packetZeros(block: string, pages: readonly number[]): void
}

/** A packet in more pieces than this is read in one and sorted in memory: a read costs more than a copy. */
const MAX_DIRECT_READS = 8

type Step = 'init' | 'packet' | 'pages'

const PACKET_LENGTH = MULTIFD_HEADER_LENGTH + MULTIFD_PACKET_PAGES * 8

/**
 * One multifd channel of a QEMU that saves. Every read lands where its bytes belong: packet headers in a small buffer, pages
 * straight in an aligned slot. A slot is taken before a packet is begun; where there is none the socket pauses, and QEMU waits.
 */
export class MultifdChannel {
  /** Settles at the end of the channel. */
  readonly ended: Promise<void>
  #bytesRead = 0
  readonly #pool: SlotPool
  readonly #sink: PacketSink
  readonly #socket: Socket
  readonly #small = Buffer.allocUnsafeSlow(PACKET_LENGTH)
  #step: Step = 'init'
  #fill = 0
  #want = MULTIFD_INIT_LENGTH
  #header: MultifdHeader | undefined
  #slot: Uint8Array | undefined
  #layout: PacketLayout | undefined
  #reads: readonly SlotRange[] = []
  #staging: Buffer | undefined
  #staged = false
  #readIndex = 0
  #discarding = false

  constructor(fd: number, first: Uint8Array, pool: SlotPool, sink: PacketSink) {
    this.#pool = pool
    this.#sink = sink
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ended = promise
    promise.catch(() => undefined)
    this.#small.set(first)
    this.#fill = first.length
    this.#bytesRead = first.length
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: false,
      onread: {
        buffer: () => this.#target(),
        callback: (length) => {
          try {
            return this.#received(length)
          } catch (error) {
            reject(error)
            this.discard()
            return true
          }
        },
      },
    })
    this.#socket.once('error', reject)
    this.#socket.once('close', () => {
      this.#dropSlot()
      if (this.#step === 'packet' && this.#fill === 0 && !this.#discarding) resolve()
      else
        reject(new QemuError('QEMU_STREAM', 'A migration channel ended in the middle of a packet'))
    })
    this.#socket.resume()
  }

  /** Bytes received so far. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** From now on takes what comes and drops it: see `SaveTarget`. */
  discard(): void {
    if (this.#discarding) return
    this.#discarding = true
    this.#dropSlot()
    this.#socket.resume()
  }

  /** Ends the channel at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Where the next bytes go. Asked again after every read. */
  #target(): Uint8Array {
    if (this.#discarding) return this.#small
    if (this.#step !== 'pages') return this.#small.subarray(this.#fill, this.#want)
    const read = this.#reads[this.#readIndex]
    const slot = this.#staged ? this.#staging : this.#slot
    if (read === undefined || slot === undefined) return this.#small
    return slot.subarray(read.slotOffset + this.#fill, read.slotOffset + read.length)
  }

  /** Gives false to pause the socket. */
  #received(length: number): boolean {
    if (this.#discarding) return true
    this.#bytesRead += length
    this.#fill += length
    if (this.#step === 'pages') {
      const read = this.#reads[this.#readIndex] as SlotRange
      if (this.#fill < read.length) return true
      this.#fill = 0
      this.#readIndex += 1
      return this.#readIndex < this.#reads.length ? true : this.#finishPacket()
    }
    if (this.#fill < this.#want) return true
    if (this.#step === 'packet') return this.#beginPages()
    parseMultifdInit(this.#small)
    return this.#nextPacket()
  }

  #beginPages(): boolean {
    const header = parseMultifdHeader(this.#small)
    this.#header = header
    const table = this.#small.subarray(MULTIFD_HEADER_LENGTH)
    if (header.zeroPages > 0) {
      this.#sink.packetZeros(
        header.block,
        readPageNumbers(table, header.normalPages, header.zeroPages),
      )
    }
    if (header.normalPages === 0) return this.#nextPacket()
    const slot = this.#slot as Uint8Array
    const slotPages = slot.length / PAGE_SIZE
    if (header.normalPages > slotPages) {
      throw new QemuError(
        'QEMU_STREAM',
        `A multifd packet of ${header.normalPages} pages is larger than expected`,
      )
    }
    this.#layout = layoutPacket(readPageNumbers(table, 0, header.normalPages), slotPages)
    if (this.#layout === undefined)
      throw new QemuError('QEMU_STREAM', 'A multifd packet has a page twice')
    this.#staged = this.#layout.reads.length > MAX_DIRECT_READS
    if (this.#staged) {
      this.#staging ??= Buffer.allocUnsafeSlow(MULTIFD_PACKET_PAGES * PAGE_SIZE)
      this.#reads = [{ slotOffset: 0, length: header.normalPages * PAGE_SIZE }]
    } else {
      this.#reads = this.#layout.reads
    }
    this.#readIndex = 0
    this.#fill = 0
    this.#step = 'pages'
    return true
  }

  #finishPacket(): boolean {
    const slot = this.#slot as Uint8Array
    const layout = this.#layout as PacketLayout
    if (this.#staged) this.#unstage(slot, layout)
    for (const gap of layout.gaps) slot.fill(0, gap.slotOffset, gap.slotOffset + gap.length)
    this.#slot = undefined
    this.#sink.packet((this.#header as MultifdHeader).block, slot, layout)
    return this.#nextPacket()
  }

  #unstage(slot: Uint8Array, layout: PacketLayout): void {
    const staging = this.#staging as Buffer
    let at = 0
    for (const { slotOffset, length } of layout.reads) {
      slot.set(staging.subarray(at, at + length), slotOffset)
      at += length
    }
  }

  #nextPacket(): boolean {
    this.#step = 'packet'
    this.#fill = 0
    this.#want = PACKET_LENGTH
    this.#slot ??= this.#pool.take()
    if (this.#slot !== undefined) return true
    this.#pool.onFree(() => this.#resume())
    return false
  }

  #resume(): void {
    if (this.#socket.destroyed || this.#discarding) return
    this.#slot = this.#pool.take()
    if (this.#slot === undefined) this.#pool.onFree(() => this.#resume())
    else this.#socket.resume()
  }

  #dropSlot(): void {
    if (this.#slot !== undefined) this.#pool.release(this.#slot)
    this.#slot = undefined
  }
}
