import { PAGE_SIZE, type PageRange, type PageStore } from '../image/saved-machine.ts'
import { ramPages, ramPagesLength, ramZeros } from '../wire/incoming-stream.ts'
import type { FrameCache, Urgency } from './frame-cache.ts'
import { findFrame } from './frame-finder.ts'
import type { IncomingConnection } from './incoming-connection.ts'
import type { SentPages } from './sent-pages.ts'

/** Most pages said to be zero at once. */
const MAX_ZEROS = 1024

/** Sends pages of an image to a postcopy destination, each once. One act at a time. */
export class PageWriter {
  readonly #connection: IncomingConnection
  readonly #pages: PageStore
  readonly #ramSection: number
  readonly #cache: FrameCache
  readonly #sent: SentPages
  /** What goes out is put together here: the kernel has it when a write is over. */
  #memory = Buffer.alloc(0)

  constructor(
    connection: IncomingConnection,
    pages: PageStore,
    ramSection: number,
    cache: FrameCache,
    sent: SentPages,
  ) {
    this.#connection = connection
    this.#pages = pages
    this.#ramSection = ramSection
    this.#cache = cache
    this.#sent = sent
  }

  /**
   * Sends the first pages of a range that QEMU does not have, at most `most` (a unit at least; zero pages are not counted);
   * gives whether there were any.
   * @throws ImageError, StorageError, QemuError, CancelledError; nothing of the pages is sent then
   */
  async writeSome(range: PageRange, most: number, urgency: Urgency): Promise<boolean> {
    const unit = this.#sent.unit(range.block)
    const limit = Math.max(unit, Math.floor(most / unit) * unit)
    const [run] = this.#sent.unsent(range, Math.max(limit, MAX_ZEROS))
    if (run === undefined) return false
    if (unit > 1)
      await this.#writeUnits({ ...run, pageCount: Math.min(run.pageCount, limit) }, urgency)
    else await this.#writePages(run, limit, urgency)
    return true
  }

  async #writePages(run: PageRange, limit: number, urgency: Urgency): Promise<void> {
    const { block, firstPage } = run
    const found = findFrame(this.#pages, block, firstPage)
    if ('zeroPages' in found) {
      const pageCount = Math.min(run.pageCount, found.zeroPages, MAX_ZEROS)
      await this.#write({ block, firstPage, pageCount }, undefined)
      return
    }
    const bytes = await this.#cache.get(found.frame, urgency)
    const first = firstPage - found.range.firstPage
    const pageCount = Math.min(run.pageCount, limit, found.range.pageCount - first)
    const part = bytes.subarray(first * PAGE_SIZE, (first + pageCount) * PAGE_SIZE)
    await this.#write({ block, firstPage, pageCount }, part)
  }

  /** Whole host pages: their zero pages must come in between, not apart. */
  async #writeUnits(run: PageRange, urgency: Urgency): Promise<void> {
    const { block, firstPage, pageCount } = run
    const bytes = Buffer.alloc(pageCount * PAGE_SIZE)
    let empty = true
    for (let page = 0; page < pageCount;) {
      const found = findFrame(this.#pages, block, firstPage + page)
      if ('zeroPages' in found) {
        page += found.zeroPages
        continue
      }
      const frame = await this.#cache.get(found.frame, urgency)
      const skipped = firstPage + page - found.range.firstPage
      const count = Math.min(pageCount - page, found.range.pageCount - skipped)
      bytes.set(
        frame.subarray(skipped * PAGE_SIZE, (skipped + count) * PAGE_SIZE),
        page * PAGE_SIZE,
      )
      empty = false
      page += count
    }
    await this.#write(run, empty ? undefined : bytes)
  }

  async #write(run: PageRange, bytes: Uint8Array | undefined): Promise<void> {
    const { firstPage, pageCount } = run
    const name = this.#pages.blocks[run.block]?.name ?? ''
    this.#sent.mark(run)
    if (bytes === undefined) {
      await this.#connection.write(ramZeros(this.#ramSection, name, firstPage, pageCount))
      return
    }
    const length = ramPagesLength(name, pageCount)
    if (this.#memory.length < length) this.#memory = Buffer.allocUnsafeSlow(length)
    await this.#connection.write(ramPages(this.#ramSection, name, firstPage, bytes, this.#memory))
  }
}
