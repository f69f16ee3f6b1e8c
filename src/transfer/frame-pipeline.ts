import { PAGE_SIZE } from '../image/saved-machine.ts'
import type { StasisWriter } from '../image/stasis/writer.ts'
import type { AnnouncedBlock } from '../wire/main-stream.ts'
import { BoundaryPages } from './boundary-pages.ts'
import type { LevelChooser } from './compression-level.ts'
import { PageLedger } from './page-ledger.ts'
import type { ReceivedPacket, ReceivedPiece } from './receive-job.ts'
import type { Receivers } from './receivers.ts'

/** How frames are compressed. */
export interface PipelineOptions {
  readonly codec: 'none' | 'zlib' | 'zstd'
  readonly level: LevelChooser
}

/** Takes what the receiving threads made of packets, holds QEMU to sending each page once, and hands frames to the writer. */
export class FramePipeline {
  /** Rejects at the first fault; never settles otherwise. */
  readonly failed: Promise<never>
  readonly #fail: (error: unknown) => void
  readonly #writer: StasisWriter
  readonly #options: PipelineOptions
  readonly #boundaries = new BoundaryPages()
  readonly #announced = Promise.withResolvers<PageLedger>()
  readonly #pending = new Set<Promise<void>>()
  #ledger: PageLedger | undefined

  constructor(writer: StasisWriter, options: PipelineOptions) {
    this.#writer = writer
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

  /** Takes a packet of `receivers`; gives its slot back when its frames are with the writer. */
  packet(packet: ReceivedPacket, receivers: Receivers): void {
    // A point where channels wait for one another: it names no block.
    if (packet.zeros.length + packet.pieces.length === 0) return
    receivers.level = this.#options.level.next(this.#writer.diskIsBusy)
    const { slot } = packet
    this.#track(
      this.#store(packet, receivers).finally(() => {
        if (slot !== undefined) receivers.releaseSlot(slot)
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

  async #store(packet: ReceivedPacket, receivers: Receivers): Promise<void> {
    const ledger = this.#ledger ?? (await this.#announced.promise)
    const block = ledger.position(packet.block)
    for (const { firstPage, pageCount } of packet.zeros) ledger.zero(block, firstPage, pageCount)
    const work = packet.pieces.map((piece) => this.#storePiece(ledger, block, piece, receivers))
    // All of them, also after a fault: the slot is in use until the last has ended.
    const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  async #storePiece(
    ledger: PageLedger,
    block: number,
    piece: ReceivedPiece,
    { slots, outputs }: Receivers,
  ): Promise<void> {
    const pages = new Uint8Array(slots, piece.slotOffset, piece.pageCount * PAGE_SIZE)
    const cut = this.#repeats(ledger, block, piece, pages)
    const firstPage = piece.firstPage + cut.first
    const pageCount = piece.pageCount - cut.first - cut.last
    if (pageCount === 0) return
    ledger.store(block, firstPage, pageCount)
    if (cut.first + cut.last > 0) {
      // Rare, and the frame was made already: what is left of it is stored as it is.
      const rest = pages.subarray(cut.first * PAGE_SIZE, (cut.first + pageCount) * PAGE_SIZE)
      await this.#writer.add({ block, firstPage, pageCount, codec: 'none' }, rest)
      return
    }
    const memory = piece.compressed ? (outputs as SharedArrayBuffer) : slots
    const codec = piece.compressed ? this.#options.codec : 'none'
    const stored = new Uint8Array(memory, piece.offset, piece.length)
    await this.#writer.add({ block, firstPage, pageCount, codec }, stored, piece.crc)
  }

  /** How many pages at both ends another packet has brought already. */
  #repeats(
    ledger: PageLedger,
    block: number,
    { firstPage, pageCount }: ReceivedPiece,
    pages: Uint8Array,
  ): { readonly first: 0 | 1; readonly last: 0 | 1 } {
    const lastPage = firstPage + pageCount - 1
    const first = pages.subarray(0, PAGE_SIZE)
    const last = pages.subarray(-PAGE_SIZE)
    const repeats = (page: number, content: Uint8Array): boolean =>
      ledger.isStored(block, page) && this.#boundaries.matches(block, page, content)
    const cut = {
      first: repeats(firstPage, first) ? 1 : 0,
      last: lastPage > firstPage && repeats(lastPage, last) ? 1 : 0,
    } as const
    this.#boundaries.remember(block, firstPage, first)
    this.#boundaries.remember(block, lastPage, last)
    return cut
  }
}
