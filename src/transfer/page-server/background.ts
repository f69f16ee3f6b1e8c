import { type PageRange, type PageStore, type StoredFrames } from '../../image/saved-machine.ts'
import { BatchReaders } from './batch-readers.ts'
import { BatchThreads } from './batch-threads.ts'
import type { FrameCache } from './frame-cache.ts'
import { allRanges } from './page-plan.ts'
import { PreparedBatches } from './prepared-batches.ts'
import { RangeSender } from './range-sender.ts'
import type { SentPages } from './sent-pages.ts'

/** The first reader numbers of the store, from 0, are for others: batches use the numbers after them. */
export const MAX_OTHER_READERS = 61

const BATCH_READERS = 3

/** Below this many frames, starting threads costs more than it saves: each frame saves 0.1 ms, its way to the thread pool and back. */
const THREADS_FROM = 1024

/** This many pages of an order are sent frame by frame: starting threads would take processor time from a guest that begins to run. */
const HOT_PAGES = 8192

/** Settings of the background. */
export interface BackgroundOptions {
  /** Ranges to send first. */
  readonly first: readonly PageRange[]
  /** Whether batches are prepared; otherwise everything is sent frame by frame. */
  readonly batches: boolean
  readonly readers: number
  /** Called when there is something to send again. */
  readonly onReady: () => void
}

/** The pages that nothing requested: first those that an earlier guest needed, then all the rest. */
export class Background implements AsyncDisposable {
  readonly #pages: PageStore
  readonly #options: BackgroundOptions
  readonly #first: RangeSender
  readonly #rest: RangeSender
  readonly #sent: SentPages
  /** Pages that were missing at the start. */
  #missing: number | undefined
  #threads: BatchThreads | undefined
  #prepared: PreparedBatches | undefined

  constructor(pages: PageStore, sent: SentPages, cache: FrameCache, options: BackgroundOptions) {
    this.#pages = pages
    this.#options = options
    this.#sent = sent
    const prepared = (): PreparedBatches | undefined =>
      this.#threads?.ready === false ? undefined : this.#prepared
    this.#first = new RangeSender(pages, sent, cache, options.first, prepared)
    this.#rest = new RangeSender(pages, sent, cache, allRanges(pages), prepared)
  }

  /** The sender of the pages that an earlier guest needed; call this each time. */
  first(): RangeSender {
    const { stored } = this.#pages
    this.#missing ??= this.#sent.remaining
    const hot = this.#missing - this.#sent.remaining < HOT_PAGES
    if (stored !== undefined && !hot) this.#startThreads(stored)
    return this.#first
  }

  /** The sender of everything, after the first ranges were sent; call this each time. */
  rest(): RangeSender {
    const { stored } = this.#pages
    if (stored !== undefined) this.#startThreads(stored)
    else this.#startReaders()
    return this.#rest
  }

  /** The records of a frame, if they are prepared; valid until more is sent. */
  find(frame: number): Buffer | undefined {
    return this.#prepared?.find(frame, this.#pages.range(frame))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prepared?.[Symbol.asyncDispose]()
    await this.#threads?.[Symbol.asyncDispose]()
  }

  #startThreads(stored: StoredFrames): void {
    const { batches, readers, onReady } = this.#options
    if (!batches || this.#threads !== undefined || this.#pages.frameCount < THREADS_FROM) return
    this.#threads = new BatchThreads(stored, { readers, onReady })
    this.#prepared = new PreparedBatches(this.#threads, onReady)
  }

  #startReaders(): void {
    const { batches, onReady } = this.#options
    if (!batches || this.#prepared !== undefined) return
    const maker = new BatchReaders(this.#pages, {
      firstReader: MAX_OTHER_READERS,
      slotCount: BATCH_READERS,
    })
    this.#prepared = new PreparedBatches(maker, onReady)
  }
}
