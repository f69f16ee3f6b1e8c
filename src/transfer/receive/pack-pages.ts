import { crc32c } from '../../io/crc32c.ts'
import type { PageSpan } from '../../image/saved-machine.ts'
import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import { CODECS } from '../../io/codecs/codec-table.ts'
import type { Compressor } from '../../io/codecs/codec.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { WORTH_COMPRESSING, splitByCompressibility } from '../compression/compressibility.ts'
import type { Segment } from './packet-layout.ts'
import { OUTPUT_LENGTH, type ReceivedPiece, SLOT_LENGTH } from './receive-job.ts'

/** Memory that all threads share: slots of pages, and space for the compressed pages of each slot. */
export interface PackMemory {
  readonly slots: SharedArrayBuffer
  readonly outputs: SharedArrayBuffer | undefined
}

/** Makes frames of the pages in a slot. */
export class PagePacker {
  readonly #memory: PackMemory
  readonly #compressor: Compressor | undefined

  constructor(codec: FrameCodec, memory: PackMemory) {
    this.#memory = memory
    this.#compressor = codec === 'none' ? undefined : CODECS[codec].makeCompressor()
  }

  /** Makes frames of the segments in slot number `slot`; without a level, of the pages as they are. */
  pack(
    segments: readonly Segment[],
    slot: number,
    level: number | undefined,
  ): readonly ReceivedPiece[] {
    const slotOffset = slot * SLOT_LENGTH
    if (this.#compressor === undefined || level === undefined)
      return segments.map((segment) => this.#plain(segment, slotOffset + segment.slotOffset))
    const pieces: ReceivedPiece[] = []
    const outputEnd = (slot + 1) * OUTPUT_LENGTH
    let outputOffset = slot * OUTPUT_LENGTH
    for (const segment of segments) {
      const start = slotOffset + segment.slotOffset
      const bytes = this.#pages(start, segment.pageCount)
      for (const run of splitByCompressibility(bytes)) {
        const pages = { firstPage: segment.firstPage + run.firstPage, pageCount: run.pageCount }
        const offset = start + run.firstPage * PAGE_SIZE
        const piece = run.compressible
          ? this.#compressed(this.#compressor, pages, { offset, outputOffset, outputEnd, level })
          : undefined
        if (piece !== undefined) outputOffset += piece.length
        pieces.push(piece ?? this.#plain(pages, offset))
      }
    }
    return pieces
  }

  #compressed(
    compressor: Compressor,
    { firstPage, pageCount }: PageSpan,
    how: {
      readonly offset: number
      readonly outputOffset: number
      readonly outputEnd: number
      readonly level: number
    },
  ): ReceivedPiece | undefined {
    const { offset, outputOffset, outputEnd, level } = how
    const worth = Math.floor(pageCount * PAGE_SIZE * WORTH_COMPRESSING)
    const most = Math.min(worth, outputEnd - outputOffset)
    const target = new Uint8Array(this.#memory.outputs as SharedArrayBuffer, outputOffset, most)
    const length = compressor.compress(this.#pages(offset, pageCount), target, level)
    if (length === undefined) return undefined
    const crc = crc32c(target.subarray(0, length))
    const place = { slotOffset: offset, compressed: true, offset: outputOffset }
    return { firstPage, pageCount, ...place, length, crc }
  }

  #plain({ firstPage, pageCount }: PageSpan, offset: number): ReceivedPiece {
    const bytes = this.#pages(offset, pageCount)
    const place = { slotOffset: offset, compressed: false, offset }
    return { firstPage, pageCount, ...place, length: bytes.length, crc: crc32c(bytes) }
  }

  #pages(offset: number, pageCount: number): Uint8Array {
    return new Uint8Array(this.#memory.slots, offset, pageCount * PAGE_SIZE)
  }
}
