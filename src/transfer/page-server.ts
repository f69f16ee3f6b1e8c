import { ImageError, InternalError, type StasisError, StorageError } from '../errors.ts'
import {
  type DeviceState,
  PAGE_SIZE,
  type PageRange,
  type PageStore,
} from '../image/saved-machine.ts'
import { AnswerSize } from './answer-size.ts'
import { FrameCache, type Urgency } from './frame-cache.ts'
import { findFrame } from './frame-finder.ts'
import { HoldBack } from './hold-back.ts'
import { AnnouncedRanges, allRanges } from './page-plan.ts'
import { PageWriter } from './page-writer.ts'
import type { HandOver } from './hand-over.ts'
import { PostcopyConnection, type WantedPages, type WayToQemu } from './postcopy-connection.ts'
import { SentPages } from './sent-pages.ts'

/** Pages sent at once when nobody waits: as long as one who begins to wait has to. */
const CHUNK_PAGES = 64

/** Ranges that are read in advance. */
const READ_AHEAD = 8

/** Until one who sends nothing of itself looks about itself. */
const IDLE_MS = 60_000

const CACHE_BYTES = 64 * 1024 * 1024

/** How long requests are still answered after a fault of the image, so that whoever watches can halt the guest meanwhile. */
const GRACE_MS = 3000

/** How pages are served. */
export interface PageServerOptions {
  readonly way: WayToQemu
  /**
   * `start`: the guest stands in the image yet. `recover`: it runs already, and its source is gone. Else what the source before said,
   * on whose connection this one goes on.
   */
  readonly begin: 'start' | 'recover' | HandOver
  /** Whether to send what nobody asked for as well, all of it; else it is served until `stop`. */
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
  readonly #requests: WantedPages[] = []
  readonly #holdBack = new HoldBack()
  readonly #answerSize = new AnswerSize()
  readonly #first: AnnouncedRanges
  #rest: AnnouncedRanges | undefined
  #current: PageRange | undefined
  #requestCount = 0
  /** Cannot be answered: their frames are damaged. */
  readonly #unanswered: WantedPages[] = []
  #stop: PromiseWithResolvers<HandOver> | undefined
  #fault: StasisError | undefined
  #faultMs = 0
  #wake: (() => void) | undefined

  constructor(pages: PageStore, options: PageServerOptions) {
    this.#pages = pages
    this.#options = options
    this.#sent = new SentPages(pages.blocks, options.hostPageSizes)
    this.#cache = new FrameCache(pages, { readers: options.readers, capacityBytes: CACHE_BYTES })
    this.#first = this.#announced(options.first)
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
    const { way, signal, begin, hostPageSizes } = this.#options
    const before = typeof begin === 'object' ? begin : undefined
    using postcopy = await PostcopyConnection.open(
      way,
      signal,
      (wanted) => this.#ask(wanted),
      before?.returnPath,
    )
    const { connection } = postcopy
    const wake = (): void => this.#wake?.()
    void connection.closed.then(wake)
    if (before !== undefined) this.#goOnFrom(before)
    else if (begin === 'recover') await postcopy.takeOver(this.#pages.blocks, this.#sent)
    else await postcopy.start(state, this.#pages.blocks, hostPageSizes)
    const writer = new PageWriter(
      connection,
      this.#pages,
      state.ramSection,
      this.#cache,
      this.#sent,
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

  /** Ends `serve` between two acts, for another server to go on; never settles when that has ended already. */
  async stop(): Promise<HandOver> {
    this.#stop ??= Promise.withResolvers()
    this.#wake?.()
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
    if (block >= 0) this.#fetch(block, Math.floor(wanted.start / PAGE_SIZE), 'now')
    this.#holdBack.asked()
    this.#wake?.()
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
    const answered = await this.#guarded(true, async () => {
      while (await writer.writeSome(range, range.pageCount, 'now'));
    })
    if (!answered) this.#unanswered.push(wanted)
  }

  /** What nobody asked for: first what an earlier guest needed, then, while nobody asks, all the rest. */
  async #goOn(writer: PageWriter): Promise<void> {
    this.#current ??= this.#first.take()
    if (this.#current === undefined) {
      const holdMs = this.#options.rest ? this.#holdBack.waitMs() : IDLE_MS
      if (holdMs > 0) {
        await this.#sleep(holdMs)
        return
      }
      this.#rest ??= this.#announced(allRanges(this.#pages))
      this.#current = this.#rest.take()
    }
    if (this.#current === undefined)
      throw new InternalError('Pages are left that belong to no range')
    const range = this.#current
    await this.#guarded(false, async () => {
      const some = await writer.writeSome(range, CHUNK_PAGES, 'now')
      this.#holdBack.wentOn()
      if (some) return
      this.#current = undefined
      const found = findFrame(this.#pages, range.block, range.firstPage)
      if (this.#rest !== undefined && 'frame' in found) this.#cache.drop(found.frame)
    })
  }

  async #guarded(waiting: boolean, act: () => Promise<void>): Promise<boolean> {
    try {
      await act()
      return true
    } catch (error) {
      if (!(error instanceof ImageError || error instanceof StorageError)) throw error
      if (this.#fault === undefined) this.#faultMs = performance.now()
      this.#fault ??= error
      this.#options.onFault(error, waiting)
      return false
    }
  }

  async #endSoon(fault: StasisError): Promise<void> {
    const leftMs = this.#faultMs + GRACE_MS - performance.now()
    if (leftMs <= 0) throw fault
    await this.#sleep(leftMs)
  }

  /** Until the time is over, somebody asks, or the connection ends. */
  async #sleep(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, ms)
    })
    clearTimeout(timer)
    this.#wake = undefined
  }

  #announced(ranges: Iterable<PageRange>): AnnouncedRanges {
    return new AnnouncedRanges(this.#whole(ranges), READ_AHEAD, (range) => {
      const [some] = this.#sent.unsent(range, 1)
      if (some === undefined) return false
      this.#fetch(range.block, range.firstPage, 'soon')
      return true
    })
  }

  /** Begins to read the frame of a page that is not sent yet. */
  #fetch(block: number, page: number, urgency: Urgency): void {
    if (this.#sent.has(block, page)) return
    const found = findFrame(this.#pages, block, page)
    if ('frame' in found) void this.#cache.get(found.frame, urgency).catch(() => undefined)
  }

  /** Ranges inside their blocks and of whole units, wherever they come from. */
  *#whole(ranges: Iterable<PageRange>): Generator<PageRange, void, undefined> {
    for (const range of ranges) {
      const whole = this.#sent.widen(range)
      if (whole !== undefined) yield whole
    }
  }
}
