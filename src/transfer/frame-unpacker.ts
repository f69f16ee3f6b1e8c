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
import type { QueuedRead, QueuedReads } from '../io/files/queued-reads.ts'
import { CODECS, type Codec } from '../io/codecs/codec-table.ts'
import type { Decompressor } from '../io/codecs/codec.ts'
import { PAGE_SIZE } from '../wire/page-size.ts'

const LEAST_LENGTH = 2 * 1024 * 1024
const GROWTH = 4 * 1024 * 1024

/** A part of the file in memory: from `start` to `end`, at `at`. */
interface Extent {
  readonly start: number
  readonly end: number
  readonly at: number
}

/** An extent that is being read; without `read` it is read when it is needed. */
interface BegunExtent extends Extent {
  readonly read: QueuedRead | undefined
}

/** A gap between frames of this length is read along: another read would take longer. */
const MOST_GAP = 64 * 1024

/** Reads, checks and decompresses frames of a stasis image on the calling thread, in memory that it reuses. */
export class FrameUnpacker {
  readonly #image: number
  readonly #queue: QueuedReads | undefined
  readonly #decompressors = new Map<Codec, Decompressor>()
  #memory = allocateAligned(LEAST_LENGTH)
  #begun: readonly BegunExtent[] = []
  /** In the order of the file. */
  #extents: readonly Extent[] = []
  /** The extent of the last frame. */
  #last: Extent | undefined

  /** `image` is a descriptor for aligned reads, also of `queue`, which reads ahead. */
  constructor(image: number, queue?: QueuedReads) {
    this.#image = image
    this.#queue = queue
  }

  /** Reads the part of the file from `first` to the end of `last` at once. Throws Node's error. */
  read(frames: FrameTable, first: number, last: number): void {
    this.#begin([{ start: frames.offset(first), end: endOf(frames, last) }])
    this.finish()
  }

  /** Reads frames that are anywhere in the file, neighbours at once. `inFileOrder` has their positions. Throws Node's error. */
  readAll(frames: FrameTable, inFileOrder: Uint32Array): void {
    this.begin(frames, inFileOrder)
    this.finish()
  }

  /** Begins what `readAll` does. Pages of earlier reads are no longer valid. */
  begin(frames: FrameTable, inFileOrder: Uint32Array): void {
    this.#begin(extentsOf(frames, inFileOrder))
  }

  /** Waits for what was begun. Throws Node's error, or SystemCallError. */
  finish(): void {
    const begun = this.#begun
    this.#begun = []
    this.#extents = begun.map((extent) => this.#fill(extent))
  }

  /**
   * The pages of a frame that was read. They are decompressed into `target`, of their length, unless they are stored uncompressed: then they are
   * valid until the next read.
   */
  unpack(frames: FrameTable, position: number, target: Uint8Array): Uint8Array | FrameFault {
    const stored = this.#stored(frames.offset(position), frames.storedLength(position))
    if (stored === undefined) return { kind: 'truncated' }
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

  #begin(parts: readonly Omit<Extent, 'at'>[]): void {
    this.#extents = []
    this.#last = undefined
    let at = 0
    const extents = parts.map((part) => {
      const start = alignDown(part.start, DIRECT_ALIGNMENT)
      const end = alignUp(part.end, DIRECT_ALIGNMENT)
      at += end - start
      return { start, end, at: at - (end - start) }
    })
    // In few steps: the memory of each step before is not free at once.
    if (this.#memory.length < at) this.#memory = allocateAligned(alignUp(at, GROWTH))
    this.#begun = extents.map((extent) => {
      const { start, end, at: place } = extent
      const memory = this.#memory.subarray(place, place + end - start)
      return { ...extent, read: this.#queue?.start(memory, start) }
    })
  }

  /** The part of an extent that the file has. */
  #fill({ start, end, at, read }: BegunExtent): Extent {
    let found = read === undefined ? 0 : (this.#queue?.wait(read) ?? 0)
    while (start + found < end && found % DIRECT_ALIGNMENT === 0) {
      const left = end - start - found
      const length = readSync(this.#image, this.#memory, at + found, left, start + found)
      found += length
      // A direct read that ends at an unaligned offset has reached the end of the file.
      if (length === 0) break
    }
    return { start, end: start + found, at }
  }

  #stored(offset: number, length: number): Uint8Array | undefined {
    const holds = ({ start, end }: Extent): boolean => offset >= start && offset + length <= end
    if (this.#last === undefined || !holds(this.#last)) this.#last = this.#extents.find(holds)
    if (this.#last === undefined) return undefined
    const at = this.#last.at + offset - this.#last.start
    return this.#memory.subarray(at, at + length)
  }

  #decompressor(codec: Codec): Decompressor {
    let decompressor = this.#decompressors.get(codec)
    if (decompressor === undefined)
      this.#decompressors.set(codec, (decompressor = CODECS[codec].makeDecompressor()))
    return decompressor
  }
}

function endOf(frames: FrameTable, position: number): number {
  return frames.offset(position) + frames.storedLength(position)
}

/** The parts of the file that hold frames; neighbours are in one part. */
export function extentsOf(
  frames: FrameTable,
  inFileOrder: Uint32Array,
): { readonly start: number; readonly end: number }[] {
  const extents: { start: number; end: number }[] = []
  for (const position of inFileOrder) {
    const last = extents.at(-1)
    const start = frames.offset(position)
    const end = endOf(frames, position)
    if (last !== undefined && start - last.end <= MOST_GAP) last.end = Math.max(last.end, end)
    else extents.push({ start, end })
  }
  return extents
}

/** The same positions in the order of the file. */
export function inFileOrder(frames: FrameTable, positions: Uint32Array): Uint32Array {
  const offsets = Float64Array.from(positions, (position) => frames.offset(position))
  if (offsets.every((offset, at) => at === 0 || offset > (offsets[at - 1] as number)))
    return positions
  const order = Uint32Array.from(positions, (_, at) => at)
  order.sort((a, b) => (offsets[a] as number) - (offsets[b] as number))
  return order.map((at) => positions[at] as number)
}
