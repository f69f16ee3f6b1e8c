import { Buffer } from 'node:buffer'
import type { DeviceState, StreamStart } from './device-state.ts'
import { endOfSections } from './end-of-sections.ts'
import { PAGE_SIZE } from './page-size.ts'
import { RAM_FLAG, SECTION, STREAM_MAGIC } from './stream-constants.ts'
import { checkPageSize } from './stream-head.ts'
import { WireError, type WireErrorKind } from './wire-error.ts'

/**
 * Parses QEMU's main migration stream, as a source sends it while a stopped guest is saved, while it arrives: RAM records go to a handler, the rest
 * is kept. Sources: migration/savevm.c (sections), migration/ram.c (records), checked with 7.2 and 10.0.
 */

/** The form of a stream. */
export interface MainStreamOptions {
  /**
   * Device state follows a part of RAM, and no section ends RAM: QEMU's `background-snapshot` sends that (migration/migration.c `bg_migration_thread`,
   * 7.2 to 11.1). Nothing in the stream then shows that RAM is complete, so the caller must check that every page has come.
   */
  readonly hasOpenRam?: boolean | undefined
}

/** A RAM block as the stream announces it. */
export interface AnnouncedBlock {
  readonly name: string
  /** Bytes in use: a multiple of `PAGE_SIZE`. */
  readonly length: number
}

/** Receives the contents of the RAM section. `block` is the position in the announced list. */
export interface RamHandler {
  blocks(blocks: readonly AnnouncedBlock[]): void
  zeroPages(block: number, firstPage: number, pageCount: number): void
  /** `bytes` is valid only during the call. */
  page(block: number, page: number, bytes: Uint8Array): void
}

const MAX_BLOCKS = 4096

/** 16 TiB: page numbers have 32 bits here. */
const MAX_BLOCK_LENGTH = 2 ** 32 * PAGE_SIZE

/** Longer than any record and most other elements. */
const JOINT_LENGTH = 8192
const MAX_HEAD_LENGTH = 65536
const MAX_DEVICE_LENGTH = 1024 * 1024 * 1024

type Step = 'magic' | 'configuration' | 'section' | 'blocks' | 'record' | 'footer' | 'devices'

/** Parses a main stream. Call `feed` with each chunk, then `finish()`. */
export class MainStreamParser {
  readonly #handler: RamHandler
  readonly #hasOpenRam: boolean
  #step: Step = 'magic'
  #rest: Buffer = Buffer.alloc(0)
  #position = 0
  #head: Buffer = Buffer.alloc(0)
  #ramSection = -1
  #blocks: AnnouncedBlock[] = []
  #announcedLeft = 0
  #block = -1
  #ended = false
  #zeroFirst = 0
  #zeroCount = 0
  readonly #devices: Buffer[] = []
  #deviceLength = 0

  constructor(handler: RamHandler, { hasOpenRam = false }: MainStreamOptions = {}) {
    this.#handler = handler
    this.#hasOpenRam = hasOpenRam
  }

  /** The bytes before the RAM records; complete once the handler has received the blocks. */
  get start(): StreamStart {
    return { head: this.#head, ramSection: this.#ramSection }
  }

  /** The offset in the whole stream of the element that a handler receives. */
  get position(): number {
    return this.#position
  }

  /** @throws WireError with the offset in the whole stream */
  feed(chunk: Uint8Array): void {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    // Only an element that was split is joined with the bytes after it: copying whole chunks would double the time.
    if (this.#rest.length > 0 && bytes.length > JOINT_LENGTH) {
      const rest = this.#rest
      const joint = Buffer.concat([rest, bytes.subarray(0, JOINT_LENGTH)])
      const used = this.#run(joint, rest.length)
      if (used >= rest.length) {
        bytes = bytes.subarray(used - rest.length)
        this.#rest = Buffer.alloc(0)
      } else {
        this.#rest = joint.subarray(used, rest.length)
      }
    }
    const input = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const used = this.#run(input, input.length)
    this.#flushZeros()
    // A copy, because the caller reuses its memory.
    this.#rest = Buffer.from(input.subarray(used))
  }

  /** Consumes elements until `enough` bytes are consumed or an element is incomplete; returns the number of bytes consumed. */
  #run(input: Buffer, enough: number): number {
    let at = 0
    while (at < enough) {
      const used = this.#take(input.subarray(at))
      if (used < 0) break
      at += used
      this.#position += used
    }
    return at
  }

  /** @throws WireError when the stream ended early */
  finish(): DeviceState {
    const devices = Buffer.concat(this.#devices)
    if (this.#step !== 'devices' || devices.length === 0)
      throw this.#fault('truncated', 'the stream ends before the device state')
    const end = endOfSections(devices)
    if (end === undefined) throw this.#fault('truncated', 'the device state has no end mark')
    return {
      head: this.#head,
      ramSection: this.#ramSection,
      sections: devices.subarray(0, end),
      tail: devices.subarray(end),
    }
  }

  /** Consumes one element; returns -1 when some of its bytes are missing. */
  #take(bytes: Buffer): number {
    switch (this.#step) {
      case 'magic':
        return this.#takeMagic(bytes)
      case 'configuration':
        return this.#takeConfiguration(bytes)
      case 'section':
        return this.#takeSection(bytes)
      case 'blocks':
        return this.#takeBlock(bytes)
      case 'record':
        return this.#takeRecord(bytes)
      case 'footer':
        return this.#takeFooter(bytes)
      case 'devices':
        this.#deviceLength += bytes.length
        if (this.#deviceLength > MAX_DEVICE_LENGTH)
          throw this.#fault('corrupt', 'the device state is longer than 1 GiB')
        this.#devices.push(Buffer.from(bytes))
        return bytes.length
    }
  }

  #takeMagic(bytes: Buffer): number {
    if (bytes.length < STREAM_MAGIC.length) return -1
    if (!bytes.subarray(0, STREAM_MAGIC.length).equals(STREAM_MAGIC))
      throw this.#fault('corrupt', 'it is not a QEMU stream of version 3')
    this.#head = Buffer.from(STREAM_MAGIC)
    this.#step = 'configuration'
    return STREAM_MAGIC.length
  }

  #takeConfiguration(bytes: Buffer): number {
    if (bytes.length < 1) return -1
    if (bytes[0] !== SECTION.CONFIGURATION) {
      this.#step = 'section'
      return 0
    }
    // Its subsections have no lengths; it ends where the RAM section starts.
    const end = bytes.indexOf(RAM_START)
    if (end < 4) {
      if (bytes.length > MAX_HEAD_LENGTH)
        throw this.#fault('corrupt', 'no RAM section follows the configuration')
      return -1
    }
    const start = end - 5
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, start)])
    checkPageSize(this.#head)
    this.#step = 'section'
    return start
  }

  #takeSection(bytes: Buffer): number {
    const mark = bytes[0]
    switch (mark) {
      case undefined:
        return -1
      case SECTION.START:
        return this.#takeStart(bytes)
      case SECTION.PART:
      case SECTION.END:
        if (bytes.length < 5) return -1
        this.#checkSection(bytes.readUInt32BE(1))
        this.#ended = mark === SECTION.END
        this.#step = 'record'
        return 5
      case SECTION.COMMAND:
        if (bytes.length < 5) return -1
        return bytes.length < 5 + bytes.readUInt16BE(3) ? -1 : 5 + bytes.readUInt16BE(3)
      case SECTION.FULL:
        if (this.#hasOpenRam && this.#ramSection >= 0) {
          this.#step = 'devices'
          return 0
        }
        throw this.#fault('unsupported', 'a device saves its state before RAM')
      default:
        throw this.#fault('corrupt', `section mark 0x${mark.toString(16)} instead of RAM`)
    }
  }

  #takeStart(bytes: Buffer): number {
    if (bytes.length < 6) return -1
    const nameEnd = 6 + bytes.readUInt8(5)
    if (bytes.length < nameEnd + 16) return -1
    const name = bytes.toString('latin1', 6, nameEnd)
    if (name !== 'ram')
      throw this.#fault('unsupported', `device "${name}" saves its state in several parts`)
    if (bytes.readUInt32BE(nameEnd + 4) !== 4)
      throw this.#fault(
        'unsupported',
        `the RAM section has version ${bytes.readUInt32BE(nameEnd + 4)}`,
      )
    const total = this.#word(bytes, nameEnd + 8)
    if (total.flags !== RAM_FLAG.MEM_SIZE)
      throw this.#fault('corrupt', 'the RAM section does not start with its size')
    this.#ramSection = bytes.readUInt32BE(1)
    this.#announcedLeft = total.address
    this.#step = 'blocks'
    return nameEnd + 16
  }

  #takeBlock(bytes: Buffer): number {
    if (this.#announcedLeft === 0) {
      this.#handler.blocks(this.#blocks)
      this.#step = 'record'
      return 0
    }
    const nameLength = bytes[0] ?? 0
    if (bytes.length < 1 + nameLength + 8) return -1
    const { address: length, flags } = this.#word(bytes, 1 + nameLength)
    if (
      flags !== 0 ||
      length === 0 ||
      length > this.#announcedLeft ||
      nameLength === 0 ||
      this.#blocks.length >= MAX_BLOCKS
    ) {
      throw this.#fault('corrupt', 'the list of RAM blocks contradicts itself')
    }
    if (length > MAX_BLOCK_LENGTH)
      throw this.#fault('unsupported', `a RAM block has ${length} bytes`)
    this.#blocks.push({ name: bytes.toString('utf8', 1, 1 + nameLength), length })
    this.#announcedLeft -= length
    return 1 + nameLength + 8
  }

  #takeRecord(bytes: Buffer): number {
    if (bytes.length < 8) return -1
    const { address, flags } = this.#word(bytes, 0)
    if (flags === RAM_FLAG.EOS) {
      this.#step = 'footer'
      return 8
    }
    if (flags === RAM_FLAG.MULTIFD_FLUSH) return 8
    const kind = flags & ~RAM_FLAG.CONTINUE
    if (kind !== RAM_FLAG.PAGE && kind !== RAM_FLAG.ZERO)
      throw this.#fault('unsupported', `a RAM record has flags 0x${flags.toString(16)}`)
    const nameLength = (flags & RAM_FLAG.CONTINUE) === 0 ? 1 + (bytes[8] ?? 0) : 0
    const start = 8 + nameLength
    const end = start + (kind === RAM_FLAG.PAGE ? PAGE_SIZE : 1)
    if (bytes.length < end) return -1
    if (nameLength > 0) this.#enterBlock(bytes.toString('utf8', 9, start))
    const block = this.#blocks[this.#block]
    if (block === undefined || address >= block.length)
      throw this.#fault('corrupt', 'a RAM record is outside its block')
    const page = address / PAGE_SIZE
    if (kind === RAM_FLAG.PAGE) this.#handler.page(this.#block, page, bytes.subarray(start, end))
    else if (bytes[start] !== 0)
      throw this.#fault('corrupt', 'a RAM record fills its page with a byte other than zero')
    else this.#addZero(page)
    return end
  }

  #takeFooter(bytes: Buffer): number {
    if (bytes.length < 5) return -1
    if (bytes[0] !== SECTION.FOOTER) throw this.#fault('corrupt', 'a RAM section has no footer')
    this.#checkSection(bytes.readUInt32BE(1))
    this.#step = this.#ended ? 'devices' : 'section'
    return 5
  }

  #enterBlock(name: string): void {
    this.#flushZeros()
    this.#block = this.#blocks.findIndex((block) => block.name === name)
    if (this.#block < 0)
      throw this.#fault(
        'corrupt',
        `a RAM record belongs to block "${name}", which was not announced`,
      )
  }

  #addZero(page: number): void {
    if (this.#zeroCount > 0 && page === this.#zeroFirst + this.#zeroCount) {
      this.#zeroCount += 1
      return
    }
    this.#flushZeros()
    this.#zeroFirst = page
    this.#zeroCount = 1
  }

  #flushZeros(): void {
    if (this.#zeroCount > 0) this.#handler.zeroPages(this.#block, this.#zeroFirst, this.#zeroCount)
    this.#zeroCount = 0
  }

  #checkSection(id: number): void {
    if (id !== this.#ramSection)
      throw this.#fault('corrupt', `a part belongs to section ${id}, which is not RAM`)
  }

  #word(bytes: Buffer, at: number): { readonly address: number; readonly flags: number } {
    const high = bytes.readUInt32BE(at)
    const low = bytes.readUInt32BE(at + 4)
    if (high >= 0x200000) throw this.#fault('corrupt', 'an address is beyond 2^53')
    const flags = low & (PAGE_SIZE - 1)
    return { address: high * 0x1_0000_0000 + (low - flags), flags }
  }

  #fault(kind: WireErrorKind, what: string): WireError {
    return new WireError(kind, what, this.#position)
  }
}

// The section that holds RAM: name length, name, instance 0. Its mark and id precede.
const RAM_START = Buffer.from([3, 0x72, 0x61, 0x6d, 0, 0, 0, 0])
