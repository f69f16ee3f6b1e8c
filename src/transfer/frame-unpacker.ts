import { readSync } from 'node:fs'
import { crc32c } from '../io/crc32c.ts'
import type { FrameFault } from '../image/stasis/frame-fault.ts'
import type { FrameTable } from '../image/stasis/frame-table.ts'
import {
  DIRECT_ALIGNMENT,
  alignDown,
  alignUp,
  allocateAligned,
} from '../io/memory/aligned-memory.ts'
import { CODECS, type Codec } from '../io/codecs/codec-table.ts'
import type { Decompressor } from '../io/codecs/codec.ts'
import { PAGE_SIZE } from '../wire/page-size.ts'

const LEAST_LENGTH = 2 * 1024 * 1024

/** Reads, checks and decompresses frames of a stasis image on the calling thread, in memory that it reuses. */
export class FrameUnpacker {
  readonly #image: number
  readonly #decompressors = new Map<Codec, Decompressor>()
  #memory = allocateAligned(LEAST_LENGTH)
  #start = 0
  #length = 0

  /** `image` is a descriptor for aligned reads. */
  constructor(image: number) {
    this.#image = image
  }

  /** Reads the part of the file from `first` to the end of `last` at once. Throws Node's error. */
  read(frames: FrameTable, first: number, last: number): void {
    const start = alignDown(frames.offset(first), DIRECT_ALIGNMENT)
    const end = alignUp(frames.offset(last) + frames.storedLength(last), DIRECT_ALIGNMENT)
    if (this.#memory.length < end - start) this.#memory = allocateAligned(end - start)
    let found = 0
    while (start + found < end) {
      const left = end - start - found
      const length = readSync(this.#image, this.#memory, found, left, start + found)
      found += length
      // A direct read that ends at an unaligned offset has reached the end of the file.
      if (length === 0 || length % DIRECT_ALIGNMENT !== 0) break
    }
    this.#start = start
    this.#length = found
  }

  /**
   * The pages of a frame that was read. They are decompressed into `target`, of their length, unless they are stored uncompressed: then they are
   * valid until the next read.
   */
  unpack(frames: FrameTable, position: number, target: Uint8Array): Uint8Array | FrameFault {
    const at = frames.offset(position) - this.#start
    const storedLength = frames.storedLength(position)
    const stored = this.#memory.subarray(
      at,
      Math.max(at, Math.min(at + storedLength, this.#length)),
    )
    if (stored.length < storedLength) return { kind: 'truncated' }
    if (crc32c(stored) !== frames.crc(position)) return { kind: 'checksum' }
    const codec = frames.codec(position) ?? 'none'
    if (codec === 'none') return stored
    const length = frames.pageCount(position) * PAGE_SIZE
    try {
      const found = this.#decompressor(codec)(stored, target)
      return found === length ? target : { kind: 'length', length: found }
    } catch (error) {
      return { kind: 'codec', reason: (error as Error).message }
    }
  }

  #decompressor(codec: Codec): Decompressor {
    let decompressor = this.#decompressors.get(codec)
    if (decompressor === undefined)
      this.#decompressors.set(codec, (decompressor = CODECS[codec].makeDecompressor()))
    return decompressor
  }
}
