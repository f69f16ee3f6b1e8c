import { ImageError, InternalError, type StasisError, StorageError } from '../../errors.ts'
import {
  type DeviceState,
  PAGE_SIZE,
  type PageRange,
  type PageStore,
} from '../../image/saved-machine.ts'
import { AnswerSize } from './fault-readahead.ts'
import { Background, MAX_OTHER_READERS } from './background.ts'
import { FrameCache, type Urgency } from './frame-cache.ts'
import { findFrame } from './frame-finder.ts'
import { HoldBack } from './background-throttle.ts'
import { PageWriter } from './page-writer.ts'
import type { HandOver } from './hand-over.ts'
import { PostcopyConnection, type WantedPages, type QemuEndpoint } from './postcopy-connection.ts'
import { SentPages } from './sent-pages.ts'

/** Pages sent at once when nobody waits: as long as one who begins to wait has to. */
const CHUNK_PAGES = 64

const CACHE_BYTES = 64 * 1024 * 1024

/** How long requests are still answered after a fault of the image, so that whoever watches can halt the guest meanwhile. */
const GRACE_MS = 3000

/** How pages are served. */
export interface PageServerOptions {
  readonly endpoint: QemuEndpoint
  /**
   * `start`: the guest stands in the image yet. `recover`: it runs already, and its source is gone. Else what the source before said,
   * on whose connection this one goes on.
   */
  readonly begin: 'start' | 'recover' | HandOver
  /**
   * Whether what nobody asked for comes after all; else only requests are answered, and after `sendFirst` what goes first is sent, until
   * `stop`, and no threads are started.
   */
  readonly rest: boolean
  /** Ranges to send first, in this order; such as an earlier guest asked for. */
  readonly first: readonly PageRange[]
  /** Frames that are read and decompressed at the same time, 1 to 64. */
  readonly readers: number
  /** Blocks in huge pages, by name. */
  readonly hostPageSizes: ReadonlyMap<string, number>
  readonly signal?: AbortSignal | undefined
  /** Called as the image turns out to be damaged: was somebody in the machine waiting for the page? */
  readonly onFault: (error: StasisError, waiting: boolean) => void
}

/** How far a page server is. */
export interface ServingProgress {
  readonly remainingBytes: number
  readonly totalBytes: number
  /** Requests answered. */
  readonly requests: number
}

/**
 * The source of a QEMU postcopy migration whose guest is in an image: devices first, then pages, those ahead that are asked for.
 */
export class PageServer {
  /** What was asked for, in the order of the first requests, as it was answered. */
  readonly asked: PageRange[] = []
  readonly #pages: PageStore
  readonly #options: PageServerOptions
  readonly #sent: SentPages
  readonly #cache: FrameCache
  readonly #background: Background
  readonly #requests: WantedPages[] = []
  readonly #holdBack = new HoldBack()
  readonly #answerSize = new AnswerSize()
  /** Nothing is sent yet that nobody asked for. */
  #held: boolean
  /** All of `first` was sent. */
  #firstSent = false
  #requestCount = 0
  /** Cannot be answered: their frames are damaged. */
  readonly #unanswered: WantedPages[] = []
  #stop: PromiseWithResolvers<HandOver> | undefined
  #fault: StasisError | undefined
  #faultMs = 0
  #wake: (() => void) | undefined
  #woken = false

  constructor(pages: PageStore, options: PageServerOptions) {
    this.#pages = pages
    this.#options = options
    this.#held = !options.rest
    this.#sent = new SentPages(pages.blocks, options.hostPageSizes)
    const readers = Math.min(options.readers, MAX_OTHER_READERS)
    this.#cache = new FrameCache(pages, { readers, capacityBytes: CACHE_BYTES })
    this.#background = new Background(pages, this.#sent, this.#cache, {
      first: options.first,
      readers: options.readers,
      // Pages that go in units are put together one unit at a time.
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
   * Serves until QEMU has every page and says so, or until `stop`.
   * @throws ImageError, StorageError after telling `onFault`; QemuError QEMU_DIED, QEMU_STREAM when the connection breaks;
   * CancelledError
   */
  async serve(state: DeviceState): Promise<void> {
    const { endpoint, signal, begin, hostPageSizes } = this.#options
    const before = typeof begin === 'object' ? begin : undefined
    await using background = this.#background
    using postcopy = await PostcopyConnection.open(
      endpoint,
      signal,
      (wanted) => this.#ask(wanted),
      before?.returnPath,
    )
    const { connection } = postcopy
    void connection.closed.then(() => this.#wakeUp())
    if (before !== undefined) this.#goOnFrom(before)
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
      const wanted = this.#requests.shift()
      if (wanted !== undefined) await this.#answer(writer, wanted)
      else if (this.#fault !== undefined) await this.#endSoon(this.#fault)
      else await this.#goOn(writer)
    }
    await postcopy.finish(state.ramSection)
  }

  /** Lets what goes first go, where the rest does not. */
  sendFirst(): void {
    this.#held = false
    this.#wakeUp()
  }

  /** Ends `serve` between two acts, for another server to go on; never settles when that has ended already. */
  async stop(): Promise<HandOver> {
    this.#stop ??= Promise.withResolvers()
    this.#wakeUp()
    return this.#stop.promise
  }

  #handOver(postcopy: PostcopyConnection): HandOver {
    const returnPath = postcopy.release()
    return {
      sent: this.#sent.bits(),
      asked: this.asked,
      requests: [...this.#unanswered, ...this.#requests],
      requestCount: this.#requestCount,
      returnPath,
    }
  }

  #goOnFrom({ sent, asked, requests, requestCount }: HandOver): void {
    for (const [block, bits] of sent.entries()) this.#sent.markReceived(block, bits)
    this.asked.push(...asked)
    this.#requestCount = requestCount
    for (const wanted of requests) this.#ask(wanted)
  }

  #ask(wanted: WantedPages): void {
    this.#requests.push(wanted)
    // Frames of several requests are decompressed at the same time, though they are answered one after the other.
    const block = this.#pages.blocks.findIndex(({ name }) => name === wanted.block)
    this.#fetch(block, Math.floor(wanted.start / PAGE_SIZE), 'now')
    this.#holdBack.asked()
    this.#wakeUp()
  }

  async #answer(writer: PageWriter, wanted: WantedPages): Promise<void> {
    const { block: name, start, length } = wanted
    this.#requestCount += 1
    const block = this.#pages.blocks.findIndex((one) => one.name === name)
    const firstPage = Math.floor(start / PAGE_SIZE)
    // One who asked for what is on its way needs no answer.
    if (this.#sent.has(block, firstPage)) return
    const pages = this.#answerSize.next(block, firstPage)
    const pageCount = Math.max(pages, Math.ceil(length / PAGE_SIZE))
    const range = this.#sent.widen({ block, firstPage, pageCount })
    if (range === undefined) return
    this.asked.push(range)
    // Whoever reads on and on will ask for what follows.
    if (pages > CHUNK_PAGES) this.#fetch(block, firstPage + pageCount, 'soon')
    // What is behind the page that was asked for may be damaged alone.
    const waits = (): boolean => !this.#sent.has(block, firstPage)
    await this.#guarded(waits, async () => {
      while (await writer.writeSome(range, range.pageCount, 'now'));
    })
    if (waits()) this.#unanswered.push(wanted)
  }

  /** What nobody asked for: first what an earlier guest needed, then, while nobody asks, all the rest. */
  async #goOn(writer: PageWriter): Promise<void> {
    if (this.#held || (this.#firstSent && !this.#options.rest)) {
      await this.#sleep()
      return
    }
    const holdMs = this.#firstSent ? this.#holdBack.waitMs() : 0
    if (holdMs > 0) {
      await this.#sleep(holdMs)
      return
    }
    const nobody = (): boolean => false
    await this.#guarded(nobody, async () => {
      const some = this.#firstSent ? this.#background.rest() : this.#background.first()
      const outcome = await some.sendSome(writer, CHUNK_PAGES)
      if (outcome === 'sent') this.#holdBack.wentOn()
      else if (outcome === 'waiting') await this.#sleep()
      else if (this.#firstSent) throw new InternalError('Pages are left that belong to no range')
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

  async #endSoon(fault: StasisError): Promise<void> {
    const leftMs = this.#faultMs + GRACE_MS - performance.now()
    if (leftMs <= 0) throw fault
    await this.#sleep(leftMs)
  }

  /** Until the time is over, if one is given, somebody asks, prepared pages are there, or the connection ends; or did since the last time. */
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

  /** Begins to read the frame of a page that is not sent yet. */
  #fetch(block: number, page: number, urgency: Urgency): void {
    if (block < 0 || this.#sent.has(block, page)) return
    const found = findFrame(this.#pages, block, page)
    if ('frame' in found && this.#background.find(found.frame) === undefined)
      this.#cache.fetch(found.frame, urgency)
  }
}
