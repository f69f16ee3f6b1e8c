import { PAGE_SIZE } from '../image/saved-machine.ts'
import type { StasisWriter } from '../image/stasis/writer.ts'
import type { AnnouncedBlock } from '../wire/main-stream.ts'
import { BoundaryPages } from './boundary-pages.ts'
import type { CompressPool } from './compress-pool.ts'
import type { LevelChooser } from './compression-level.ts'
import type { PacketSink } from './multifd-channel.ts'
import type { PacketLayout } from './packet-layout.ts'
import { PageLedger } from './page-ledger.ts'
import type { SlotPool } from './slot-pool.ts'

/** How frames are compressed. */
export interface PipelineOptions {
  readonly codec: 'none' | 'zlib' | 'zstd'
  readonly level: LevelChooser
  /** Does it; absent for `none`. */
  readonly compressors: CompressPool | undefined
}

/** Pages that came for the first time. */
interface FreshPages {
  readonly firstPage: number
  readonly bytes: Uint8Array
}

/** Takes packets from all channels, compresses and checksums what they carry, and hands frames to the writer. */
export class FramePipeline implements PacketSink {
  /** Rejects at the first fault; never settles otherwise. */
  readonly failed: Promise<never>
  readonly #fail: (error: unknown) => void
  readonly #writer: StasisWriter
  readonly #pool: SlotPool
  readonly #options: PipelineOptions
  readonly #boundaries = new BoundaryPages()
  readonly #announced = Promise.withResolvers<PageLedger>()
  readonly #pending = new Set<Promise<void>>()
  #ledger: PageLedger | undefined

  constructor(writer: StasisWriter, pool: SlotPool, options: PipelineOptions) {
    this.#writer = writer
    this.#pool = pool
    this.#options = options
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => undefined)
    this.#announced.promise.catch(() => undefined)
    this.failed = promise
    this.#fail = reject
  }

  /** What has been received; `undefined` until QEMU has listed its RAM blocks. */
  get ledger(): PageLedger | undefined {
    return this.#ledger
  }

  /** The main stream listed the RAM blocks. Packets that came earlier have waited for it. */
  blocks(blocks: readonly AnnouncedBlock[]): void {
    this.#ledger = new PageLedger(blocks)
    this.#writer.setBlocks(blocks)
    this.#announced.resolve(this.#ledger)
  }

  packet(block: string, slot: Uint8Array, layout: PacketLayout): void {
    this.#track(this.#store(block, slot, layout).finally(() => this.#pool.release(slot)))
  }

  packetZeros(block: string, pages: readonly number[]): void {
    this.#track(
      this.#announced.promise.then((ledger) => {
        const position = ledger.position(block)
        for (const page of pages) ledger.zero(position, page, 1)
      }),
    )
  }

  /** Pages that the main stream says are zero. */
  zeroPages(block: number, firstPage: number, pageCount: number): void {
    this.#ledger?.zero(block, firstPage, pageCount)
  }

  /** A page that came on the main stream. `bytes` is copied. */
  page(block: number, page: number, bytes: Uint8Array): void {
    const ledger = this.#ledger as PageLedger
    ledger.store(block, page, 1)
    this.#track(
      this.#writer.add(
        { block, firstPage: page, pageCount: 1, codec: 'none' },
        Uint8Array.from(bytes),
      ),
    )
  }

  /** Waits until all frames are with the writer. @throws the first fault */
  async drain(): Promise<void> {
    while (this.#pending.size > 0)
      await Promise.race([Promise.allSettled(this.#pending), this.failed])
    await Promise.race([this.failed, Promise.resolve()])
  }

  /** Waits until nothing touches the slots any more, whatever became of it. */
  async settle(): Promise<void> {
    this.#announced.reject(new Error('The transfer ended'))
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#pending.delete(tracked))
    this.#pending.add(tracked)
  }

  async #store(name: string, slot: Uint8Array, layout: PacketLayout): Promise<void> {
    const ledger = this.#ledger ?? (await this.#announced.promise)
    const block = ledger.position(name)
    const fresh = layout.segments
      .map(({ firstPage, pageCount, slotOffset }) =>
        this.#withoutRepeats(
          ledger,
          block,
          firstPage,
          slot.subarray(slotOffset, slotOffset + pageCount * PAGE_SIZE),
        ),
      )
      .filter(({ bytes }) => bytes.length > 0)
    for (const { firstPage, bytes } of fresh)
      ledger.store(block, firstPage, bytes.length / PAGE_SIZE)
    await (this.#options.compressors === undefined
      ? this.#storePlain(block, fresh)
      : this.#storeCompressed(this.#options.compressors, block, fresh))
  }

  async #storePlain(block: number, segments: readonly FreshPages[]): Promise<void> {
    const work = segments.map(({ firstPage, bytes }) =>
      this.#writer.add(
        { block, firstPage, pageCount: bytes.length / PAGE_SIZE, codec: 'none' },
        bytes,
      ),
    )
    // All of them, also after a fault: the slot is in use until the last has ended.
    const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  async #storeCompressed(
    compressors: CompressPool,
    block: number,
    segments: readonly FreshPages[],
  ): Promise<void> {
    const { codec, level } = this.#options
    const job = segments.map(({ bytes }) => ({
      inputOffset: bytes.byteOffset,
      pageCount: bytes.length / PAGE_SIZE,
    }))
    const result = await compressors.compress(job, () => level.next(this.#writer.diskIsBusy))
    try {
      for (const piece of result.pieces) {
        const firstPage = (segments[piece.segment] as FreshPages).firstPage + piece.firstPage
        const memory = piece.compressed ? result.output : this.#pool.memory
        const bytes = new Uint8Array(memory, piece.offset, piece.length)
        const frame = {
          block,
          firstPage,
          pageCount: piece.pageCount,
          codec: piece.compressed ? codec : 'none',
        }
        await this.#writer.add(frame, bytes, piece.crc)
      }
    } finally {
      result.release()
    }
  }

  /** Cuts off a first or last page that another packet has brought already. */
  #withoutRepeats(
    ledger: PageLedger,
    block: number,
    firstPage: number,
    bytes: Uint8Array,
  ): FreshPages {
    const lastPage = firstPage + bytes.length / PAGE_SIZE - 1
    const first = bytes.subarray(0, PAGE_SIZE)
    const last = bytes.subarray(-PAGE_SIZE)
    const repeats = (page: number, content: Uint8Array): boolean =>
      ledger.isStored(block, page) && this.#boundaries.matches(block, page, content)
    const cutFirst = repeats(firstPage, first) ? PAGE_SIZE : 0
    const cutLast = lastPage > firstPage && repeats(lastPage, last) ? PAGE_SIZE : 0
    this.#boundaries.remember(block, firstPage, first)
    this.#boundaries.remember(block, lastPage, last)
    return {
      firstPage: firstPage + cutFirst / PAGE_SIZE,
      bytes: bytes.subarray(cutFirst, bytes.length - cutLast),
    }
  }
}
