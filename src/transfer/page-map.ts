/** One bit for each page of a RAM block: which have been met. */
export class PageMap {
  readonly #words: Uint32Array
  #count = 0

  constructor(pageCount: number) {
    this.#words = new Uint32Array(Math.ceil(pageCount / 32))
  }

  /** How many pages are marked. */
  get count(): number {
    return this.#count
  }

  has(page: number): boolean {
    return ((this.#words[page >>> 5] ?? 0) & (1 << (page & 31))) !== 0
  }

  /** Marks a range; gives the first page in it that was marked before, if any. */
  mark(firstPage: number, pageCount: number): number | undefined {
    let met: number | undefined
    for (let page = firstPage; page < firstPage + pageCount; page += 1) {
      const word = this.#words[page >>> 5] ?? 0
      const bit = 1 << (page & 31)
      if ((word & bit) !== 0) {
        met ??= page
      } else {
        this.#words[page >>> 5] = word | bit
        this.#count += 1
      }
    }
    return met
  }
}
