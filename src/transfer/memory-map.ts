import { PAGE_SIZE } from '../wire/page-size.ts'

/** The state of memory: `zero` pages are in no file, `compressed` and `raw` ones are stored or loaded. */
export type MemoryKind = 'zero' | 'compressed' | 'raw'

/** Guest memory by kind, for a picture. */
export interface MemoryShown {
  readonly zeroBytes: number
  readonly compressedBytes: number
  readonly rawBytes: number
  /** One character for each part of the memory, of equal sizes, in the order of RAM blocks: the state of most of the part. `.` on its way, `z` zero, `c` compressed, `r` raw. Empty: unknown. */
  readonly cells: string
}

/** The kinds, with their characters in `cells`. */
const KINDS: readonly (readonly [MemoryKind, string])[] = [
  ['zero', 'z'],
  ['compressed', 'c'],
  ['raw', 'r'],
]

const ON_ITS_WAY = '.'

/** Enough for a picture; the record of a job, which contains them, stays small. */
const MOST_CELLS = 512

/** Counts pages of each kind in each part of a guest's memory. */
export class MemoryMap {
  /** The first page of each block among the pages of all. */
  readonly #starts: readonly number[]
  readonly #pageCount: number
  readonly #cellPages: number
  readonly #counts: Readonly<Record<MemoryKind, Float64Array>>

  /** For RAM blocks of these lengths in bytes. */
  constructor(lengths: readonly number[]) {
    const starts: number[] = []
    let pageCount = 0
    for (const length of lengths) {
      starts.push(pageCount)
      pageCount += Math.ceil(length / PAGE_SIZE)
    }
    this.#starts = starts
    this.#pageCount = pageCount
    this.#cellPages = Math.max(1, Math.ceil(pageCount / MOST_CELLS))
    const cells = Math.ceil(pageCount / this.#cellPages)
    this.#counts = {
      zero: new Float64Array(cells),
      compressed: new Float64Array(cells),
      raw: new Float64Array(cells),
    }
  }

  /** Counts pages; with `sign` -1 it takes them back. */
  count(
    block: number,
    firstPage: number,
    pageCount: number,
    kind: MemoryKind,
    sign: 1 | -1 = 1,
  ): void {
    const counts = this.#counts[kind]
    const start = (this.#starts[block] ?? 0) + firstPage
    const end = Math.min(start + pageCount, this.#pageCount)
    for (let page = start; page < end;) {
      const cell = Math.floor(page / this.#cellPages)
      const next = Math.min(end, (cell + 1) * this.#cellPages)
      counts[cell] = (counts[cell] ?? 0) + sign * (next - page)
      page = next
    }
  }

  shown(): MemoryShown {
    const cells = this.#counts.zero.length
    let text = ''
    for (let cell = 0; cell < cells; cell += 1) text += this.#kindOf(cell)
    return {
      zeroBytes: this.#bytesOf('zero'),
      compressedBytes: this.#bytesOf('compressed'),
      rawBytes: this.#bytesOf('raw'),
      cells: text,
    }
  }

  #kindOf(cell: number): string {
    const pages = Math.min(this.#cellPages, this.#pageCount - cell * this.#cellPages)
    let most = ''
    let count = 0
    let done = 0
    for (const [kind, character] of KINDS) {
      const one = this.#counts[kind][cell] ?? 0
      done += one
      if (one > count) [most, count] = [character, one]
    }
    return pages - done > count || count === 0 ? ON_ITS_WAY : most
  }

  #bytesOf(kind: MemoryKind): number {
    return this.#counts[kind].reduce((sum, count) => sum + count, 0) * PAGE_SIZE
  }
}
