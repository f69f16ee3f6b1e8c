import { InternalError } from '../../errors.ts'
import type { PageRange, RamBlock } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { PageBitmap } from '../page-bitmap.ts'

/**
 * The pages that QEMU has. It is the only record of them, because a postcopy destination accepts each page exactly once. Pages are sent in units:
 * whole host pages where these are huge.
 */
export class SentPages {
  readonly #maps: readonly PageBitmap[]
  readonly #pageCounts: readonly number[]
  readonly #units: readonly number[]
  #remaining: number

  /** `hostPageSizes` names the blocks in huge pages. */
  constructor(blocks: readonly RamBlock[], hostPageSizes: ReadonlyMap<string, number>) {
    this.#pageCounts = blocks.map(({ length }) => length / PAGE_SIZE)
    this.#maps = this.#pageCounts.map((count) => new PageBitmap(count))
    this.#units = blocks.map(({ name }) => (hostPageSizes.get(name) ?? PAGE_SIZE) / PAGE_SIZE)
    this.#remaining = this.#pageCounts.reduce((sum, count) => sum + count, 0)
  }

  /** Number of pages that were not sent. */
  get remaining(): number {
    return this.#remaining
  }

  /** Number of pages of a block that are sent together. */
  unit(block: number): number {
    return this.#units[block] ?? 1
  }

  /** The range extended to whole units and limited to its block; `undefined` when it is outside. */
  widen({ block, firstPage, pageCount }: PageRange): PageRange | undefined {
    const unit = this.unit(block)
    const first = Math.max(0, Math.floor(firstPage / unit) * unit)
    const end = Math.min(
      Math.ceil((firstPage + pageCount) / unit) * unit,
      this.#pageCounts[block] ?? 0,
    )
    return end > first ? { block, firstPage: first, pageCount: end - first } : undefined
  }

  has(block: number, page: number): boolean {
    return this.#maps[block]?.has(page) === true
  }

  /** Whether all pages of a range were sent. */
  hasAll({ block, firstPage, pageCount }: PageRange): boolean {
    const end = firstPage + pageCount
    return this.#maps[block]?.next(firstPage, end, false) === end
  }

  /** The first unsent pages of a range, at most `most`, a multiple of the unit; `undefined` when all were sent. */
  firstUnsent({ block, firstPage, pageCount }: PageRange, most: number): PageRange | undefined {
    const map = this.#maps[block]
    const end = firstPage + pageCount
    const first = map?.next(firstPage, end, false) ?? end
    if (map === undefined || first === end) return undefined
    const after = map.next(first, Math.min(end, first + most), true)
    return { block, firstPage: first, pageCount: after - first }
  }

  /** Records pages as sent; they must not have been sent before. */
  mark({ block, firstPage, pageCount }: PageRange): void {
    if (this.#maps[block]?.mark(firstPage, pageCount) !== undefined)
      throw new InternalError(`Page ${firstPage} of block ${block} would be sent twice`)
    this.#remaining -= pageCount
  }

  /** The format that `markReceived` accepts: for each block a bit for each page, the lowest first. */
  bits(): readonly Uint8Array[] {
    return this.#maps.map((map) => map.bits())
  }

  /** Records pages that QEMU has according to QEMU or an earlier server: a bit for each page of the block, the lowest first. */
  markReceived(block: number, bits: Uint8Array): void {
    const pageCount = this.#pageCounts[block] ?? 0
    for (let page = 0; page < pageCount; page += 1) {
      const received = ((bits[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0
      if (received && !this.has(block, page)) this.mark({ block, firstPage: page, pageCount: 1 })
    }
  }
}
