import type { PageRange, PageStore } from '../../image/saved-machine.ts'
import { PAGE_RECORD_LENGTH } from '../../wire/page-records.ts'
import { batchPiece } from './batch-piece.ts'
import type { FrameCache } from './frame-cache.ts'
import { findFrame } from '../../image/frame-finder.ts'
import { type BatchPart, type FrameBatch, cutBatches } from './frame-batch.ts'
import { AnnouncedRanges } from './page-plan.ts'
import type { PageWriter } from './page-writer.ts'
import type { PreparedBatches } from './prepared-batches.ts'
import type { SentPages } from './sent-pages.ts'

/** Ranges that are read in advance while no batches are prepared. */
const READ_AHEAD = 8

/** Pages were sent; none are ready, but will be; there are no more. */
export type SendOutcome = 'sent' | 'waiting' | 'over'

/**
 * Sends ranges in their order, a few pages at a time: frame by frame at first, and in batches once something prepares them, which costs a fraction.
 */
export class RangeSender {
  readonly #sent: SentPages
  readonly #prepared: () => PreparedBatches | undefined
  readonly #announced: AnnouncedRanges
  readonly #batches: Iterator<FrameBatch>
  /** The range, or the part of the first batch, that is being sent. */
  #range: PageRange | undefined
  #part = 0

  /** `prepared` returns the prepared batches, once there are any. */
  constructor(
    pages: PageStore,
    sent: SentPages,
    cache: FrameCache,
    ranges: Iterable<PageRange>,
    prepared: () => PreparedBatches | undefined,
  ) {
    this.#sent = sent
    this.#prepared = prepared
    const whole = wholeRanges(ranges, sent)
    // Both read from one generator. Neither closes it, so that batches continue where single ranges stop.
    const single = {
      next: () =>
        prepared() === undefined ? whole.next() : ({ done: true, value: undefined } as const),
    }
    this.#announced = new AnnouncedRanges(single, READ_AHEAD, (range) => {
      if (sent.hasAll(range)) return false
      const found = findFrame(pages, range.block, range.firstPage)
      if ('frame' in found) cache.fetch(found.frame, 'soon')
      return true
    })
    this.#batches = cutBatches(pages, sent, whole)
  }

  /** Sends at most `most` pages, or a unit of huge pages. @throws ImageError, StorageError, QemuError, CancelledError */
  async sendSome(writer: PageWriter, most: number): Promise<SendOutcome> {
    while ((this.#range ??= this.#announced.take()) !== undefined) {
      if (await writer.writeSome(this.#range, most, 'now')) return 'sent'
      this.#range = undefined
    }
    const prepared = this.#prepared()
    if (prepared === undefined) return 'over'
    for (;;) {
      const first = prepared.first(this.#batches)
      if (first === undefined) return 'over'
      if (first.records === undefined) return 'waiting'
      const { parts } = first.batch
      for (; this.#part < parts.length; this.#part += 1)
        if (await this.#writePart(writer, parts, first.records, most)) return 'sent'
      prepared.release()
      this.#part = 0
    }
  }

  async #writePart(
    writer: PageWriter,
    parts: readonly BatchPart[],
    records: Buffer,
    most: number,
  ): Promise<boolean> {
    const part = parts[this.#part] as BatchPart
    if (part.at === undefined) return writer.writeSome(part, most, 'now')
    const piece = batchPiece(this.#sent, parts, this.#part, most)
    if (piece === undefined) return false
    const { runs, start, end } = piece
    await writer.writeRecords(
      runs,
      records.subarray(start * PAGE_RECORD_LENGTH, end * PAGE_RECORD_LENGTH),
    )
    return true
  }
}

/** The ranges limited to their blocks and extended to whole units, from any source. */
function* wholeRanges(
  ranges: Iterable<PageRange>,
  sent: SentPages,
): Generator<PageRange, undefined, undefined> {
  for (const range of ranges) {
    const whole = sent.widen(range)
    if (whole !== undefined) yield whole
  }
  return undefined
}
