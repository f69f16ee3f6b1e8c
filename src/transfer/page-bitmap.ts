import type { PageSpan } from '../image/saved-machine.ts'

/** Words of bits that are allocated together: 4 KiB, for 128 MiB of a guest. */
const PART_WORDS = 1024

/** One bit for each page of a RAM block: which pages are marked. Takes memory only where pages are, whatever length an image claims for its block. */
export class PageBitmap {
  readonly #parts: (Uint32Array | undefined)[] = []
  readonly #pageCount: number
  #count = 0

  constructor(pageCount: number) {
    this.#pageCount = pageCount
  }

  /** How many pages are marked. */
  get count(): number {
    return this.#count
  }

  /** A bit for each page, the lowest first. */
  bits(): Uint8Array {
    const words = Math.ceil(this.#pageCount / 32)
    const bits = new Uint8Array(words * 4)
    const view = new DataView(bits.buffer)
    for (let index = 0; index < words; index += 1)
      view.setUint32(index * 4, this.#word(index), true)
    return bits
  }

  has(page: number): boolean {
    return (this.#word(page >>> 5) & (1 << (page & 31))) !== 0
  }

  /** Marks a range; returns the first page in it that was marked before, if any. */
  mark(firstPage: number, pageCount: number): number | undefined {
    let alreadyMarked: number | undefined
    for (let page = firstPage; page < firstPage + pageCount; page += 1) {
      const index = page >>> 5
      const part = (this.#parts[Math.floor(index / PART_WORDS)] ??= new Uint32Array(PART_WORDS))
      const word = part[index % PART_WORDS] ?? 0
      const bit = 1 << (page & 31)
      if ((word & bit) !== 0) {
        alreadyMarked ??= page
      } else {
        part[index % PART_WORDS] = word | bit
        this.#count += 1
      }
    }
    return alreadyMarked
  }

  /** Removes the marks of a range. */
  unmark(firstPage: number, pageCount: number): void {
    for (let page = firstPage; page < firstPage + pageCount; page += 1) {
      if (!this.has(page)) continue
      const index = page >>> 5
      const part = this.#parts[Math.floor(index / PART_WORDS)] as Uint32Array
      part[index % PART_WORDS] = (part[index % PART_WORDS] as number) & ~(1 << (page & 31))
      this.#count -= 1
    }
  }

  /** The first page from `page` on, and before `end`, that is marked (or not marked); `end` when there is none. */
  next(page: number, end: number, marked: boolean): number {
    const none = marked ? 0 : 0xffff_ffff
    let at = page
    while (at < end) {
      const word = this.#word(at >>> 5) >>> 0
      // Most words are entirely set or clear.
      if (word === none) at = (at | 31) + 1
      else if (((word & (1 << (at & 31))) !== 0) === marked) return at
      else at += 1
    }
    return end
  }

  /** The ranges that are marked: first page and number of pages in turn. */
  *runs(): Generator<number, void> {
    for (let page = this.next(0, this.#pageCount, true); page < this.#pageCount;) {
      const end = Math.min(this.#pageCount, this.next(page, this.#pageCount, false))
      yield page
      yield end - page
      page = this.next(end, this.#pageCount, true)
    }
  }

  /** The ranges that are not marked, none longer than `most` pages. */
  *gaps(most: number): Generator<PageSpan, void> {
    let first = -1
    for (let page = 0; page <= this.#pageCount; page += 1) {
      const open = page < this.#pageCount && !this.has(page)
      if (first >= 0 && (!open || page - first === most)) {
        yield { firstPage: first, pageCount: page - first }
        first = -1
      }
      if (open && first < 0) first = page
    }
  }

  #word(index: number): number {
    return this.#parts[Math.floor(index / PART_WORDS)]?.[index % PART_WORDS] ?? 0
  }
}
