import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import type { StasisWriter } from '../../image/stasis/writer.ts'
import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { BoundaryPages } from '../boundary-pages.ts'
import { cutRepeats } from './cut-repeats.ts'
import type { LevelChooser } from '../compression-level.ts'
import { PageLedger } from './page-ledger.ts'
import type { ReceivedPacket, ReceivedPiece } from './receive-job.ts'
import type { Receivers } from './receivers.ts'

/** Compression settings. */
export interface PipelineOptions {
  readonly codec: FrameCodec
  readonly level: LevelChooser
}

/** Takes the packets of the receiving threads, refuses pages that QEMU sends twice, and passes frames to the writer. */
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

  /** The record of received pages; `undefined` until QEMU has listed its RAM blocks. */
  get ledger(): PageLedger | undefined {
    return this.#ledger
  }

  /** Accepts the main stream's list of RAM blocks. Packets that arrived earlier have waited for it. */
  blocks(blocks: readonly AnnouncedBlock[]): void {
    this.#ledger = new PageLedger(blocks)
    this.#writer.setBlocks(blocks)
    this.#announced.resolve(this.#ledger)
  }

  /** Processes a packet of `receivers`; releases its slot when its frames are with the writer. */
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

  /** Records pages that the main stream reports as zero. */
  zeroPages(block: number, firstPage: number, pageCount: number): void {
    this.#ledger?.zero(block, firstPage, pageCount)
  }

  /** Processes a page of the main stream. `bytes` is copied. */
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

  /** Waits until nothing uses the slots any more, even after a failure. */
  async idle(): Promise<void> {
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
    const isStored = (page: number): boolean => ledger.isStored(block, page)
    const pieces = cutRepeats(packet.pieces, this.#boundaries, {
      ...{ block, isStored },
      slots: receivers.slots,
    })
    for (const { firstPage, pageCount } of pieces) ledger.store(block, firstPage, pageCount)
    const work = pieces.map((piece) => this.#storePiece(block, piece, receivers))
    // All of them, also after a fault: the slot is in use until the last has ended.
    const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  #storePiece(
    block: number,
    { firstPage, pageCount, compressed, offset, length, crc }: ReceivedPiece,
    { slots, outputs }: Receivers,
  ): Promise<void> {
    const stored = new Uint8Array(
      compressed ? (outputs as SharedArrayBuffer) : slots,
      offset,
      length,
    )
    const codec = compressed ? this.#options.codec : 'none'
    return this.#writer.add({ block, firstPage, pageCount, codec }, stored, crc)
  }
}
