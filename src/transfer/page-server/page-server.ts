import { ImageError, InternalError, type StasisError, StorageError } from '../../errors.ts'
import type { PageRange, PageStore } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { FaultReadahead } from './fault-readahead.ts'
import { Background, MAX_OTHER_READERS } from './background.ts'
import { FrameCache, type Urgency } from './frame-cache.ts'
import { findFrame } from '../../image/frame-finder.ts'
import { BackgroundThrottle } from './background-throttle.ts'
import { PageWriter } from './page-writer.ts'
import type { HandOver } from './hand-over.ts'
import { PostcopyConnection, type PageRequest, type QemuEndpoint } from './postcopy-connection.ts'
import { SentPages } from './sent-pages.ts'

/** Pages sent at once while nothing waits: a new request waits until they are sent. */
const CHUNK_PAGES = 64

const CACHE_BYTES = 64 * 1024 * 1024

/** After a fault of the image, requests are still answered for this long, so that the process that watches can pause the guest meanwhile. */
const GRACE_MS = 3000

/** Settings of a page server. */
export interface PageServerOptions {
  readonly endpoint: QemuEndpoint
  /**
   * `start`: the guest has not run yet; it exists only in the image. `recover`: it already runs, and its source is gone. Otherwise the state of the
   * previous server, whose connection this one continues.
   */
  readonly begin: 'start' | 'recover' | HandOver
  /**
   * Whether unrequested pages are sent in the end. If not, the server only answers requests, and sends `first` after `sendFirst`, until `stop`, and
   * starts no threads.
   */
  readonly rest: boolean
  /** Ranges to send first, in this order; for example those that an earlier guest requested. */
  readonly first: readonly PageRange[]
  /** Number of frames that are read and decompressed at the same time, 1 to 64. */
  readonly readers: number
  /** Page sizes of the blocks in huge pages, by name. */
  readonly hostPageSizes: ReadonlyMap<string, number>
  readonly signal?: AbortSignal | undefined
  /** Called when a frame of the image is damaged; `waiting`: whether the guest waits for the page. */
  readonly onFault: (error: StasisError, waiting: boolean) => void
}

/** The progress of a page server. */
export interface ServingProgress {
  readonly remainingBytes: number
  readonly totalBytes: number
  /** Number of requests answered. */
  readonly requests: number
}

/** The source of a QEMU postcopy migration whose guest is in an image: sends devices first, then pages, requested ones ahead. */
export class PageServer {
  /** The requested ranges in the order of their first request, as they were answered. */
  readonly requested: PageRange[] = []
  readonly #pages: PageStore
  readonly #options: PageServerOptions
  readonly #sent: SentPages
  readonly #cache: FrameCache
  readonly #background: Background
  readonly #requests: PageRequest[] = []
  readonly #throttle = new BackgroundThrottle()
  readonly #readahead = new FaultReadahead()
  /** No unrequested pages are sent for now. */
  #paused: boolean
  /** All of `first` was sent. */
  #firstSent = false
  #requestCount = 0
  /** Requests that cannot be answered, because their frames are damaged. */
  readonly #unanswered: PageRequest[] = []
  #stop: PromiseWithResolvers<HandOver> | undefined
  #fault: StasisError | undefined
  #faultMs = 0
  #wake: (() => void) | undefined
  #woken = false

  constructor(pages: PageStore, options: PageServerOptions) {
    this.#pages = pages
    this.#options = options
    this.#paused = !options.rest
    this.#sent = new SentPages(pages.blocks, options.hostPageSizes)
    const readers = Math.min(options.readers, MAX_OTHER_READERS)
    this.#cache = new FrameCache(pages, { readers, capacityBytes: CACHE_BYTES })
    this.#background = new Background(pages, this.#sent, this.#cache, {
      first: options.first,
      readers: options.readers,
      // Pages that go in units are assembled one unit at a time.
      batches: options.rest && options.hostPageSizes.size === 0,
      onReady: () => this.#wakeUp(),
    })
  }

  progress(): ServingProgress {
    const totalBytes = this.#pages.blocks.reduce((sum, { length }) => sum + length, 0)
    const remainingBytes = this.#sent.remaining * PAGE_SIZE
    return { remainingBytes, totalBytes, requests: this.#requestCount }
  }

  /**
   * Serves until QEMU has every page and confirms it, or until `stop`.
   * @throws ImageError, StorageError after calling `onFault`; QemuError QEMU_DIED, QEMU_STREAM when the connection breaks; CancelledError
   */
  async serve(state: DeviceState): Promise<void> {
    const { endpoint, signal, begin, hostPageSizes } = this.#options
    const before = typeof begin === 'object' ? begin : undefined
    await using background = this.#background
    using postcopy = await PostcopyConnection.open(
      endpoint,
      signal,
      (request) => this.#accept(request),
      before?.returnPath,
    )
    const { connection } = postcopy
    void connection.closed.then(() => this.#wakeUp())
    if (before !== undefined) this.#adopt(before)
    else if (begin === 'recover') await postcopy.takeOver(this.#pages.blocks, this.#sent)
    else await postcopy.start(state, this.#pages.blocks, hostPageSizes)
    const writer = new PageWriter(
      connection,
      this.#pages,
      state.ramSection,
      this.#cache,
      this.#sent,
      background,
    )
    while (this.#sent.remaining > 0 || !this.#options.rest) {
      postcopy.check()
      if (this.#stop !== undefined) {
        this.#stop.resolve(this.#handOver(postcopy))
        return
      }
      const request = this.#requests.shift()
      if (request !== undefined) await this.#answer(writer, request)
      else if (this.#fault !== undefined) await this.#failAfterGrace(this.#fault)
      else await this.#sendBackground(writer)
    }
    await postcopy.finish(state.ramSection)
  }

  /** Starts to send `first` where the rest is not sent. */
  sendFirst(): void {
    this.#paused = false
    this.#wakeUp()
  }

  /** Ends `serve` between two messages, so that another server can continue; never settles when `serve` has already ended. */
  async stop(): Promise<HandOver> {
    this.#stop ??= Promise.withResolvers()
    this.#wakeUp()
    return this.#stop.promise
  }

  #handOver(postcopy: PostcopyConnection): HandOver {
    const returnPath = postcopy.release()
    return {
      sent: this.#sent.bits(),
      requested: this.requested,
      requests: [...this.#unanswered, ...this.#requests],
      requestCount: this.#requestCount,
      returnPath,
    }
  }

  #adopt({ sent, requested, requests, requestCount }: HandOver): void {
    for (const [block, bits] of sent.entries()) this.#sent.markReceived(block, bits)
    this.requested.push(...requested)
    this.#requestCount = requestCount
    for (const request of requests) this.#accept(request)
  }

  #accept(request: PageRequest): void {
    this.#requests.push(request)
    // Frames of several requests are decompressed at the same time, although they are answered one after another.
    const block = this.#pages.blocks.findIndex(({ name }) => name === request.block)
    this.#fetch(block, Math.floor(request.start / PAGE_SIZE), 'now')
    this.#throttle.recordRequest()
    this.#wakeUp()
  }

  async #answer(writer: PageWriter, request: PageRequest): Promise<void> {
    const { block: name, start, length } = request
    this.#requestCount += 1
    const block = this.#pages.blocks.findIndex((one) => one.name === name)
    const firstPage = Math.floor(start / PAGE_SIZE)
    // A page that was sent since the request needs no answer.
    if (this.#sent.has(block, firstPage)) return
    const pages = this.#readahead.next(block, firstPage)
    const pageCount = Math.max(pages, Math.ceil(length / PAGE_SIZE))
    const range = this.#sent.widen({ block, firstPage, pageCount })
    if (range === undefined) return
    this.requested.push(range)
    // A sequential reader will request the following pages.
    if (pages > CHUNK_PAGES) this.#fetch(block, firstPage + pageCount, 'soon')
    // Only a page after the requested one may be damaged.
    const waits = (): boolean => !this.#sent.has(block, firstPage)
    await this.#guarded(waits, async () => {
      while (await writer.writeSome(range, range.pageCount, 'now'));
    })
    if (waits()) this.#unanswered.push(request)
  }

  /** Sends unrequested pages: first those that an earlier guest needed, then, while there are no requests, all the rest. */
  async #sendBackground(writer: PageWriter): Promise<void> {
    if (this.#paused || (this.#firstSent && !this.#options.rest)) {
      await this.#sleep()
      return
    }
    const waitMs = this.#firstSent ? this.#throttle.waitMs() : 0
    if (waitMs > 0) {
      await this.#sleep(waitMs)
      return
    }
    const nobody = (): boolean => false
    await this.#guarded(nobody, async () => {
      const ranges = this.#firstSent ? this.#background.rest() : this.#background.first()
      const outcome = await ranges.sendSome(writer, CHUNK_PAGES)
      if (outcome === 'sent') this.#throttle.recordSent()
      else if (outcome === 'waiting') await this.#sleep()
      else if (this.#firstSent) throw new InternalError('Some remaining pages belong to no range')
      else this.#firstSent = true
    })
  }

  async #guarded(waits: () => boolean, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof ImageError || error instanceof StorageError)) throw error
      if (this.#fault === undefined) this.#faultMs = performance.now()
      this.#fault ??= error
      this.#options.onFault(error, waits())
    }
  }

  async #failAfterGrace(fault: StasisError): Promise<void> {
    const leftMs = this.#faultMs + GRACE_MS - performance.now()
    if (leftMs <= 0) throw fault
    await this.#sleep(leftMs)
  }

  /**
   * Waits until the time is over (if given), a request arrives, prepared pages are ready, or the connection ends. Returns at once if one of these
   * happened since the last wait.
   */
  async #sleep(ms?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        if (ms !== undefined) timer = setTimeout(resolve, ms)
      })
    }
    clearTimeout(timer)
    this.#wake = undefined
    this.#woken = false
  }

  #wakeUp(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** Starts to read the frame of a page that was not sent. */
  #fetch(block: number, page: number, urgency: Urgency): void {
    if (block < 0 || this.#sent.has(block, page)) return
    const found = findFrame(this.#pages, block, page)
    if ('frame' in found && this.#background.find(found.frame) === undefined)
      this.#cache.fetch(found.frame, urgency)
  }
}
