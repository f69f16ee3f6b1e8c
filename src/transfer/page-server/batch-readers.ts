import type { PageStore } from '../../image/saved-machine.ts'
import { PAGE_RECORD_LENGTH, makePageRecords, pagesInRecords } from '../../wire/page-records.ts'
import type { BatchMaker } from './batch-maker.ts'
import { BATCH_LENGTH, BATCH_PAGES, type FrameBatch } from './frame-batch.ts'

/** Prepares batches of uncompressed frames on the thread pool; takes 4.2 MB for each slot, and half as much to read. */
export class BatchReaders implements BatchMaker {
  readonly slotCount: number
  readonly #pages: PageStore
  readonly #firstReader: number
  /** The group of each frame: the frames of one group are so close together that one read fetches them. */
  readonly #groups: Uint32Array
  readonly #slots: Buffer[] = []

  /** Uses `slotCount` reader numbers of the store from `firstReader` on. */
  constructor(
    pages: PageStore,
    options: { readonly firstReader: number; readonly slotCount: number },
  ) {
    this.#pages = pages
    this.#firstReader = options.firstReader
    this.slotCount = options.slotCount
    this.#groups = new Uint32Array(pages.frameCount)
    let number = 0
    for (const group of pages.groups(BATCH_LENGTH)) {
      for (const frame of group) this.#groups[frame] = number
      number += 1
    }
  }

  async make({ places }: FrameBatch, slot: number): Promise<Buffer> {
    const frames = Uint32Array.from(places.keys())
    // The reader of a slot reads only the batch of this slot at a time.
    const reader = this.#firstReader + slot
    const memory = (this.#slots[slot] ??= Buffer.allocUnsafeSlow(BATCH_PAGES * PAGE_RECORD_LENGTH))
    let at = 0
    let fetched = 0
    for (const [position, frame] of frames.entries()) {
      if (position === fetched) {
        fetched = this.#groupEnd(frames, position)
        await this.#pages.prefetch(frames.subarray(position, fetched), reader)
      }
      const { firstPage, pageCount } = this.#pages.range(frame)
      const area = memory.subarray(at, (at += pageCount * PAGE_RECORD_LENGTH))
      const place = pagesInRecords(area)
      const pages = await this.#pages.read(frame, reader, place)
      makePageRecords(area, firstPage, pages === place ? undefined : pages)
    }
    return memory
  }

  /** The position after the frames from `position` on that belong to one group. */
  #groupEnd(frames: Uint32Array, position: number): number {
    const group = this.#groups[frames[position] as number]
    let end = position + 1
    while (end < frames.length && this.#groups[frames[end] as number] === group) end += 1
    return end
  }
}
