import type { PageRange } from '../saved-machine.ts'

/** Longest run that is read and passed on at once (1 MiB). */
const MAX_RUN_PAGES = 256

/** Runs of pages in the file, 8 bytes each, ordered by block and page. */
export class PageRuns {
  #words: Uint32Array = new Uint32Array(2048)
  #count = 0

  get count(): number {
    return this.#count
  }

  /**
   * Appends the runs of a block from a part of its bitmap (bit 0 of byte 0 is page `partPage`). Returns `false` when a page at or beyond the block's
   * `pageCount` is set.
   */
  appendBitmap(block: number, bitmap: Uint8Array, partPage: number, pageCount: number): boolean {
    let first = -1
    const end = bitmap.length * 8
    for (let bit = 0; bit < end; bit += 1) {
      const byte = bitmap[bit >>> 3] as number
      // Many bitmaps consist mostly of zero bytes.
      if (byte === 0 && (bit & 7) === 0 && first < 0) {
        bit += 7
        continue
      }
      const isSet = (byte & (1 << (bit & 7))) !== 0
      if (isSet && partPage + bit >= pageCount) return false
      if (first >= 0 && (!isSet || bit - first === MAX_RUN_PAGES)) {
        this.#append(block, partPage + first, bit - first)
        first = -1
      }
      if (isSet && first < 0) first = bit
    }
    if (first >= 0) this.#append(block, partPage + first, end - first)
    return true
  }

  range(index: number): PageRange {
    const word = this.#words[index * 2 + 1] as number
    return {
      block: word >>> 16,
      firstPage: this.#words[index * 2] as number,
      pageCount: word & 0xffff,
    }
  }

  #append(block: number, firstPage: number, pageCount: number): void {
    const at = this.#count * 2
    if (at === this.#words.length) {
      const words = new Uint32Array(at * 2)
      words.set(this.#words)
      this.#words = words
    }
    this.#words[at] = firstPage
    this.#words[at + 1] = (block << 16) | pageCount
    this.#count += 1
  }
}
