import { crc32c } from '@node-rs/crc32'
import { PAGE_SIZE } from '../image/saved-machine.ts'
import { type Compressor, makeCompressor } from '../io/compress.ts'
import { splitByCompressibility } from './compressibility.ts'
import type { Segment } from './packet-layout.ts'
import type { ReceivedPiece } from './receive-job.ts'

/** A frame that does not shrink below this share of its pages is stored as it is. */
const WORTH_COMPRESSING = 0.97

/** Memory that all threads see: pages in slots, and as much for what they are compressed to. */
export interface PackMemory {
  readonly slots: SharedArrayBuffer
  readonly outputs: SharedArrayBuffer | undefined
}

/** Makes frames of the pages in a slot. */
export class PagePacker {
  readonly #memory: PackMemory
  readonly #compressor: Compressor | undefined

  constructor(codec: 'none' | 'zlib' | 'zstd', memory: PackMemory) {
    this.#memory = memory
    this.#compressor = codec === 'none' ? undefined : makeCompressor(codec)
  }

  /** `slotOffset`: of the slot in the memory of slots; its results go to the same place in that of outputs. */
  pack(segments: readonly Segment[], slotOffset: number, level: number): readonly ReceivedPiece[] {
    if (this.#compressor === undefined)
      return segments.map((segment) => this.#plain(segment, slotOffset + segment.slotOffset))
    const pieces: ReceivedPiece[] = []
    let outputOffset = slotOffset
    for (const segment of segments) {
      const start = slotOffset + segment.slotOffset
      const bytes = this.#pages(start, segment.pageCount)
      for (const run of splitByCompressibility(bytes)) {
        const pages = { firstPage: segment.firstPage + run.firstPage, pageCount: run.pageCount }
        const offset = start + run.firstPage * PAGE_SIZE
        const piece = run.compressible
          ? this.#compressed(this.#compressor, pages, { offset, outputOffset, level })
          : undefined
        if (piece !== undefined) outputOffset += piece.length
        pieces.push(piece ?? this.#plain(pages, offset))
      }
    }
    return pieces
  }

  #compressed(
    compressor: Compressor,
    { firstPage, pageCount }: { readonly firstPage: number; readonly pageCount: number },
    how: { readonly offset: number; readonly outputOffset: number; readonly level: number },
  ): ReceivedPiece | undefined {
    const { offset, outputOffset, level } = how
    const most = Math.floor(pageCount * PAGE_SIZE * WORTH_COMPRESSING)
    const target = new Uint8Array(this.#memory.outputs as SharedArrayBuffer, outputOffset, most)
    const length = compressor.compress(this.#pages(offset, pageCount), target, level)
    if (length === undefined) return undefined
    const crc = crc32c(target.subarray(0, length))
    const place = { slotOffset: offset, compressed: true, offset: outputOffset }
    return { firstPage, pageCount, ...place, length, crc }
  }

  #plain(
    { firstPage, pageCount }: { readonly firstPage: number; readonly pageCount: number },
    offset: number,
  ): ReceivedPiece {
    const bytes = this.#pages(offset, pageCount)
    const place = { slotOffset: offset, compressed: false, offset }
    return { firstPage, pageCount, ...place, length: bytes.length, crc: crc32c(bytes) }
  }

  #pages(offset: number, pageCount: number): Uint8Array {
    return new Uint8Array(this.#memory.slots, offset, pageCount * PAGE_SIZE)
  }
}
