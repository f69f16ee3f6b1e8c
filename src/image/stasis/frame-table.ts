import { InternalError } from '../../errors.ts'
import { readLong, writeLong } from '../long.ts'
import type { PageRange } from '../saved-machine.ts'
import { CODECS_BY_NUMBER, FRAME_CODEC_NUMBERS, type FrameCodec } from './frame-codec.ts'

/** Length of a frame's record in the index, in bytes (docs/format/stasis.md, "Index"). */
export const FRAME_RECORD_LENGTH = 32

/** Stands for a codec where the pages are as in the base. */
const IN_BASE = 3

/** One frame as described by its record. */
export interface Frame extends PageRange {
  readonly codec: FrameCodec
  readonly offset: number
  readonly storedLength: number
  /** crc32c of the stored bytes. */
  readonly crc: number
}

/** Records of frames, stored as the bytes of the index, so that millions of them cost 32 bytes each and no object. */
export class FrameTable {
  #bytes: Buffer
  #count: number

  /** Takes ownership of `bytes`, the records of an index; by default an empty table to append to. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    if (bytes.length % FRAME_RECORD_LENGTH !== 0)
      throw new InternalError(`${bytes.length} bytes are not a whole number of frame records`)
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#count = bytes.length / FRAME_RECORD_LENGTH
  }

  get count(): number {
    return this.#count
  }

  /** Appends a frame, in any order; returns its position. */
  append(frame: Frame): number {
    const at = this.#count * FRAME_RECORD_LENGTH
    if (at === this.#bytes.length) this.#grow()
    const bytes = this.#bytes
    writeLong(bytes, frame.offset, at)
    bytes.writeUInt32LE(frame.storedLength, at + 8)
    bytes.writeUInt32LE(frame.crc, at + 12)
    bytes.writeUInt32LE(frame.firstPage, at + 16)
    bytes.writeUInt32LE(frame.pageCount, at + 20)
    bytes.writeUInt16LE(frame.block, at + 24)
    bytes.writeUInt8(FRAME_CODEC_NUMBERS[frame.codec], at + 26)
    this.#count += 1
    return this.#count - 1
  }

  /** Appends a range of pages that are as in the base; `crc` is that of the pages. */
  appendInBase({ block, firstPage, pageCount }: PageRange, crc: number): void {
    const position = this.append({
      ...{ block, firstPage, pageCount, crc },
      ...{ offset: 0, storedLength: 0, codec: 'none' },
    })
    this.#bytes.writeUInt8(IN_BASE, this.#at(position) + 26)
  }

  /** Whether the pages of a frame are not in this file, but in its base. */
  isInBase(index: number): boolean {
    return this.#bytes.readUInt8(this.#at(index) + 26) === IN_BASE
  }

  /** The records themselves. */
  get table(): Uint8Array {
    return this.#bytes.subarray(0, this.#count * FRAME_RECORD_LENGTH)
  }

  offset(index: number): number {
    return readLong(this.#bytes, this.#at(index))
  }

  storedLength(index: number): number {
    return this.#bytes.readUInt32LE(this.#at(index) + 8)
  }

  crc(index: number): number {
    return this.#bytes.readUInt32LE(this.#at(index) + 12)
  }

  firstPage(index: number): number {
    return this.#bytes.readUInt32LE(this.#at(index) + 16)
  }

  pageCount(index: number): number {
    return this.#bytes.readUInt32LE(this.#at(index) + 20)
  }

  block(index: number): number {
    return this.#bytes.readUInt16LE(this.#at(index) + 24)
  }

  /** `undefined` for a number without a codec. */
  codec(index: number): FrameCodec | undefined {
    return CODECS_BY_NUMBER[this.#bytes.readUInt8(this.#at(index) + 26)]
  }

  /** A copy of the records of some frames. */
  records(frames: Uint32Array): Uint8Array {
    const records = new Uint8Array(frames.length * FRAME_RECORD_LENGTH)
    frames.forEach((frame, position) => {
      const at = this.#at(frame)
      this.#bytes.copy(records, position * FRAME_RECORD_LENGTH, at, at + FRAME_RECORD_LENGTH)
    })
    return records
  }

  /** Writes the records in the order of the index: by block, then first page. */
  sortInto(target: Uint8Array): void {
    const order = Uint32Array.from({ length: this.#count }, (_, index) => index)
    order.sort((a, b) => this.block(a) - this.block(b) || this.firstPage(a) - this.firstPage(b))
    order.forEach((from, to) => {
      const at = from * FRAME_RECORD_LENGTH
      this.#bytes.copy(target, to * FRAME_RECORD_LENGTH, at, at + FRAME_RECORD_LENGTH)
    })
  }

  #at(index: number): number {
    if (index >= this.#count) throw new InternalError(`There is no frame ${index}`)
    return index * FRAME_RECORD_LENGTH
  }

  #grow(): void {
    const bytes = Buffer.alloc(Math.max(1024 * FRAME_RECORD_LENGTH, this.#bytes.length * 2))
    this.#bytes.copy(bytes)
    this.#bytes = bytes
  }
}
