import { promisify } from 'node:util'
import { deflate, constants, zstdCompress } from 'node:zlib'
import { PAGE_SIZE } from '../image/saved-machine.ts'
import type { NewFrame, StasisWriter } from '../image/stasis/writer.ts'
import type { AnnouncedBlock } from '../wire/main-stream.ts'
import { BoundaryPages } from './boundary-pages.ts'
import { splitByCompressibility } from './compressibility.ts'
import type { LevelChooser } from './compression-level.ts'
import type { PacketSink } from './multifd-channel.ts'
import type { PacketLayout } from './packet-layout.ts'
import { PageLedger } from './page-ledger.ts'
import { Permits } from './permits.ts'
import type { SlotPool } from './slot-pool.ts'

const compressZstd = promisify(zstdCompress)
const compressZlib = promisify(deflate)

/** A frame that does not shrink below this share of its pages is stored as it is. */
const WORTH_COMPRESSING = 0.97

/** How frames are compressed. */
export interface PipelineOptions {
  readonly codec: 'none' | 'zlib' | 'zstd'
  readonly level: LevelChooser
  /** Compressions at the same time. */
  readonly workers: number
}

/** Takes packets from all channels, compresses and checksums what they carry, and hands frames to the writer. */
export class FramePipeline implements PacketSink {
  /** Rejects at the first fault; never settles otherwise. */
  readonly failed: Promise<never>
  readonly #fail: (error: unknown) => void
  readonly #writer: StasisWriter
  readonly #pool: SlotPool
  readonly #options: PipelineOptions
  readonly #permits: Permits
  readonly #boundaries = new BoundaryPages()
  readonly #announced = Promise.withResolvers<PageLedger>()
  readonly #pending = new Set<Promise<void>>()
  #ledger: PageLedger | undefined

  constructor(writer: StasisWriter, pool: SlotPool, options: PipelineOptions) {
    this.#writer = writer
    this.#pool = pool
    this.#options = options
    this.#permits = new Permits(options.workers)
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

  packet(block: string, slot: Uint8Array<ArrayBuffer>, layout: PacketLayout): void {
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

  async #store(name: string, slot: Uint8Array<ArrayBuffer>, layout: PacketLayout): Promise<void> {
    const ledger = this.#ledger ?? (await this.#announced.promise)
    const block = ledger.position(name)
    const work = layout.segments.map(async (segment) => {
      const bytes = slot.subarray(
        segment.slotOffset,
        segment.slotOffset + segment.pageCount * PAGE_SIZE,
      )
      const fresh = this.#withoutRepeats(ledger, block, segment.firstPage, bytes)
      if (fresh.bytes.length === 0) return
      const pageCount = fresh.bytes.length / PAGE_SIZE
      ledger.store(block, fresh.firstPage, pageCount)
      if (this.#options.codec === 'none') {
        await this.#writer.add(
          { block, firstPage: fresh.firstPage, pageCount, codec: 'none' },
          fresh.bytes,
        )
      } else {
        await this.#compressSegment(block, fresh.firstPage, fresh.bytes)
      }
    })
    // All of them, also after a fault: the slot is in use until the last has ended.
    const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  /** Cuts off a first or last page that another packet has brought already. */
  #withoutRepeats(
    ledger: PageLedger,
    block: number,
    firstPage: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): { readonly firstPage: number; readonly bytes: Uint8Array<ArrayBuffer> } {
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

  async #compressSegment(
    block: number,
    firstPage: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const work = splitByCompressibility(bytes).map(async (run) => {
      const piece = bytes.subarray(
        run.firstPage * PAGE_SIZE,
        (run.firstPage + run.pageCount) * PAGE_SIZE,
      )
      const frame = { block, firstPage: firstPage + run.firstPage, pageCount: run.pageCount }
      if (!run.compressible) return this.#writer.add({ ...frame, codec: 'none' }, piece)
      return this.#compress(frame, piece)
    })
    const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  async #compress(frame: Omit<NewFrame, 'codec'>, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { codec, level } = this.#options
    await this.#permits.take()
    let stored: Uint8Array
    try {
      const chosen = level.next(this.#writer.diskIsBusy)
      // One chunk for the whole result: joining small ones costs a fifth of the time.
      const chunkSize = bytes.length + 1024
      stored =
        codec === 'zlib'
          ? await compressZlib(bytes, { level: chosen, chunkSize })
          : await compressZstd(bytes, {
              chunkSize,
              params: {
                [constants.ZSTD_c_compressionLevel]: chosen,
                [constants.ZSTD_c_contentSizeFlag]: 1,
              },
            })
    } finally {
      this.#permits.give()
    }
    if (stored.length > bytes.length * WORTH_COMPRESSING)
      await this.#writer.add({ ...frame, codec: 'none' }, bytes)
    else await this.#writer.add({ ...frame, codec: codec === 'zlib' ? 'zlib' : 'zstd' }, stored)
  }
}
