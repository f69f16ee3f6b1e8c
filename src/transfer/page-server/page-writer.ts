import type { PageRange, PageStore } from '../../image/saved-machine.ts'
import { ramPages, ramPagesLength, ramZeros } from '../../wire/incoming-stream.ts'
import { PAGE_RECORD_LENGTH, recordsPart } from '../../wire/page-records.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { FrameCache, Urgency } from './frame-cache.ts'
import { findFrame } from '../../image/frame-finder.ts'
import type { IncomingConnection } from '../incoming-connection.ts'
import type { SentPages } from './sent-pages.ts'

/** The most pages reported as zero at once. */
const MAX_ZEROS = 1024

/** Number of frames of a unit that are read in advance. */
const READ_AHEAD = 8

/** Frames whose records are prepared. */
export interface PreparedFrames {
  find(frame: number): Buffer | undefined
}

/** Sends pages of an image to a postcopy destination, each once. One call at a time. */
export class PageWriter {
  readonly #connection: IncomingConnection
  readonly #pages: PageStore
  readonly #ramSection: number
  readonly #cache: FrameCache
  readonly #sent: SentPages
  readonly #prepared: PreparedFrames | undefined
  /** Outgoing bytes are assembled here: the kernel has them when a write has finished. */
  #memory = Buffer.alloc(0)
  /** The pages of a unit are assembled here. */
  #unit = Buffer.alloc(0)

  constructor(
    connection: IncomingConnection,
    pages: PageStore,
    ramSection: number,
    cache: FrameCache,
    sent: SentPages,
    prepared?: PreparedFrames,
  ) {
    this.#connection = connection
    this.#pages = pages
    this.#ramSection = ramSection
    this.#cache = cache
    this.#sent = sent
    this.#prepared = prepared
  }

  /** Sends pages of one block whose records are adjacent. @throws QemuError, CancelledError */
  async writeRecords(runs: readonly PageRange[], records: Buffer): Promise<void> {
    const [first] = runs
    if (first === undefined) return
    for (const run of runs) this.#sent.mark(run)
    const name = this.#pages.blocks[first.block]?.name ?? ''
    await this.#connection.writeAll(recordsPart(this.#ramSection, name, first.firstPage, records))
  }

  /**
   * Sends the first pages of a range that QEMU does not have, at most `most` (but at least a unit; zero pages are not counted). Returns whether there
   * were any.
   * @throws ImageError, StorageError, QemuError, CancelledError; none of the pages is sent then
   */
  async writeSome(range: PageRange, most: number, urgency: Urgency): Promise<boolean> {
    const unit = this.#sent.unit(range.block)
    const limit = Math.max(unit, Math.floor(most / unit) * unit)
    const run = this.#sent.firstUnsent(range, Math.max(limit, MAX_ZEROS))
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
    const first = firstPage - found.range.firstPage
    const pageCount = Math.min(run.pageCount, limit, found.range.pageCount - first)
    const records = this.#prepared?.find(found.frame)
    if (records !== undefined) {
      const [start, end] = [first * PAGE_RECORD_LENGTH, (first + pageCount) * PAGE_RECORD_LENGTH]
      await this.writeRecords([{ block, firstPage, pageCount }], records.subarray(start, end))
      return
    }
    const bytes = await this.#cache.get(found.frame, urgency)
    const part = bytes.subarray(first * PAGE_SIZE, (first + pageCount) * PAGE_SIZE)
    await this.#write({ block, firstPage, pageCount }, part)
  }

  /** Sends whole host pages: their zero pages must be part of the sequence, not separate. */
  async #writeUnits(run: PageRange, urgency: Urgency): Promise<void> {
    const { block, firstPage, pageCount } = run
    const length = pageCount * PAGE_SIZE
    if (this.#unit.length < length) this.#unit = Buffer.allocUnsafeSlow(length)
    const bytes = this.#unit.subarray(0, length).fill(0)
    let empty = true
    for (let page = 0; page < pageCount;) {
      const found = findFrame(this.#pages, block, firstPage + page)
      if ('zeroPages' in found) {
        page += found.zeroPages
        continue
      }
      this.#readAhead(found.frame, run, urgency)
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

  /** Starts to read the next frames of a range. */
  #readAhead(frame: number, { block, firstPage, pageCount }: PageRange, urgency: Urgency): void {
    const end = Math.min(frame + 1 + READ_AHEAD, this.#pages.frameCount)
    for (let next = frame + 1; next < end; next += 1) {
      const range = this.#pages.range(next)
      if (range.block !== block || range.firstPage >= firstPage + pageCount) return
      this.#cache.fetch(next, urgency)
    }
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
