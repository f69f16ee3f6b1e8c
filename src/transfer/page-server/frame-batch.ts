import type { PageRange, PageStore } from '../../image/saved-machine.ts'
import { findFrame } from '../../image/frame-finder.ts'
import type { SentPages } from './sent-pages.ts'

/** The most pages in the frames of a batch: at least as many as in the longest frame, so that each fits. */
export const BATCH_PAGES = 1024

/** The most bytes of the image read for one batch. */
export const BATCH_LENGTH: number = 2 * 1024 * 1024

/** The most parts of a batch: ranges without a frame would not fill it otherwise. */
const MAX_PARTS = 4096

/** Pages to send, in their order. */
export interface BatchPart extends PageRange {
  /**
   * How many pages of the batch's frames precede its first; `undefined` when it is not prepared, because it has no frame or its pages go in units.
   */
  readonly at: number | undefined
}

/** Frames that are read, checked and decompressed at once, and the parts of them to send. */
export interface FrameBatch {
  /** The position of each frame's pages, in pages: the frames are adjacent. */
  readonly places: ReadonlyMap<number, number>
  readonly parts: readonly BatchPart[]
}

/** Divides ranges into batches, in their order, on demand; skips pages that were sent by then. */
export function* cutBatches(
  pages: PageStore,
  sent: SentPages,
  ranges: Iterator<PageRange>,
): Generator<FrameBatch, void, undefined> {
  let batch = new BatchDraft(pages)
  for (let next = ranges.next(); next.done !== true; next = ranges.next()) {
    for (const part of framesOf(pages, sent, next.value)) {
      if (!batch.fits(part.frame)) {
        yield batch.finished()
        batch = new BatchDraft(pages)
      }
      batch.add(part)
    }
  }
  if (!batch.empty) yield batch.finished()
}

interface DraftPart {
  readonly range: PageRange
  /** The frame that covers all of it. */
  readonly frame: { readonly index: number; readonly range: PageRange } | undefined
}

class BatchDraft {
  readonly #pages: PageStore
  readonly #places = new Map<number, number>()
  readonly #parts: BatchPart[] = []
  #pageCount = 0
  #length = 0

  constructor(pages: PageStore) {
    this.#pages = pages
  }

  get empty(): boolean {
    return this.#parts.length === 0
  }

  fits(frame: DraftPart['frame']): boolean {
    if (this.#parts.length >= MAX_PARTS) return false
    if (frame === undefined || this.#places.size === 0 || this.#places.has(frame.index)) return true
    const length = this.#length + this.#pages.storedLength(frame.index)
    return length <= BATCH_LENGTH && this.#pageCount + frame.range.pageCount <= BATCH_PAGES
  }

  add({ range, frame }: DraftPart): void {
    const at = frame === undefined ? undefined : this.#place(frame)
    this.#parts.push({ ...range, at: at === undefined ? undefined : at + range.firstPage })
  }

  finished(): FrameBatch {
    return { places: this.#places, parts: this.#parts }
  }

  /** The position that page 0 of the block would have, if the frame began there. */
  #place({ index, range }: NonNullable<DraftPart['frame']>): number {
    let place = this.#places.get(index)
    if (place === undefined) {
      place = this.#pageCount
      this.#places.set(index, place)
      this.#pageCount += range.pageCount
      this.#length += this.#pages.storedLength(index)
    }
    return place - range.firstPage
  }
}

/** The parts of a range by the frames that cover them, without parts that were sent completely. */
function* framesOf(
  pages: PageStore,
  sent: SentPages,
  range: PageRange,
): Generator<DraftPart, void, undefined> {
  const { block } = range
  const end = range.firstPage + range.pageCount
  if (sent.unit(block) > 1) {
    if (!sent.hasAll(range)) yield { range, frame: undefined }
    return
  }
  for (let page = range.firstPage; page < end;) {
    const found = findFrame(pages, block, page)
    const next =
      'frame' in found ? found.range.firstPage + found.range.pageCount : page + found.zeroPages
    const pageCount = Math.min(next, end) - page
    const part = { block, firstPage: page, pageCount }
    if (!sent.hasAll(part)) {
      const frame = 'frame' in found ? { index: found.frame, range: found.range } : undefined
      yield { range: part, frame }
    }
    page += pageCount
  }
}
