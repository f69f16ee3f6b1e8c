import { InternalError } from '../../errors.ts'
import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import type { StasisWriter } from '../../image/stasis/writer.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { type AnnouncedBlock, MainStreamParser } from '../../wire/main-stream.ts'
import { BoundaryPages } from '../boundary-pages.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { LaneMemory } from '../image-receiver.ts'
import { type MemoryKind, MemoryMap, type MemoryShown } from '../memory-map.ts'
import type { PacketLevels } from '../compression/packet-levels.ts'
import type { Connections } from './accept-connections.ts'
import { cutRepeats } from './cut-repeats.ts'
import { MainChannel } from './main-channel.ts'
import { PageLedger } from './page-ledger.ts'
import type { ConnectionReceiver } from './qemu-listener.ts'
import type { ReceivedPacket, ReceivedPiece } from './receive-job.ts'
import type { Receivers } from './receivers.ts'

/** Settings of a pipeline. */
export interface PipelineOptions {
  readonly codec: FrameCodec
  readonly levels: PacketLevels
  /** How many multifd channels QEMU opens. */
  readonly channels: number
  /** The threads for them, which the pipeline takes over. */
  readonly receivers: Receivers
}

/**
 * Receives a machine over a main connection and multifd channels: starts the receiving threads, refuses pages that QEMU sends twice, and
 * passes frames to the writer.
 */
export class FramePipeline implements ConnectionReceiver, AsyncDisposable {
  readonly #writer: StasisWriter
  readonly #options: PipelineOptions
  readonly #receivers: Receivers
  readonly #boundaries = new BoundaryPages()
  readonly #announced = Promise.withResolvers<PageLedger>()
  /** Rejects at the first fault; never settles otherwise. */
  readonly #failed = Promise.withResolvers<never>()
  readonly #pending = new Set<Promise<void>>()
  #main: MainChannel | undefined
  #state: DeviceState | undefined
  #ledger: PageLedger | undefined
  #map: MemoryMap | undefined
  /** Pages that each channel has carried. */
  readonly #lanes: readonly Record<MemoryKind, number>[]

  constructor(writer: StasisWriter, options: PipelineOptions) {
    const { levels, channels, receivers } = options
    this.#writer = writer
    this.#options = options
    this.#lanes = Array.from({ length: channels }, () => ({ zero: 0, compressed: 0, raw: 0 }))
    this.#failed.promise.catch(() => undefined)
    this.#announced.promise.catch(() => undefined)
    this.#receivers = receivers
    this.#receivers.level = levels.first
  }

  /** The record of received pages; `undefined` until QEMU has listed its RAM blocks. */
  get ledger(): PageLedger | undefined {
    return this.#ledger
  }

  /** The stream without its RAM, once everything was received. */
  get state(): DeviceState | undefined {
    return this.#state
  }

  /** Bytes of the main stream so far. */
  get mainBytes(): number {
    return this.#main?.bytesRead ?? 0
  }

  /** Bytes of each channel so far; empty until all of them are connected. */
  get channelBytes(): readonly number[] {
    return this.#receivers.channelBytes
  }

  /** Accepts the main stream's list of RAM blocks. Packets that arrived earlier have waited for it. */
  blocks(blocks: readonly AnnouncedBlock[]): void {
    this.#ledger = new PageLedger(blocks)
    this.#map = new MemoryMap(blocks.map(({ length }) => length))
    this.#writer.setBlocks(blocks)
    this.#announced.resolve(this.#ledger)
  }

  /** Records pages that the main stream reports as zero. */
  zeroPages(block: number, firstPage: number, pageCount: number): void {
    this.#ledger?.zero(block, firstPage, pageCount)
    this.#count(block, firstPage, pageCount, 'zero')
  }

  /** Processes a page of the main stream. `bytes` is copied. */
  page(block: number, page: number, bytes: Uint8Array): void {
    const ledger = this.#ledger as PageLedger
    ledger.store(block, page, 1)
    this.#count(block, page, 1, 'raw')
    this.#track(
      this.#writer.add(
        { block, firstPage: page, pageCount: 1, codec: 'none' },
        Uint8Array.from(bytes),
      ),
    )
  }

  /** Which memory has arrived; `undefined` until QEMU has listed its RAM blocks. */
  get memory(): MemoryShown | undefined {
    return this.#map?.shown()
  }

  /** The content of each channel so far. */
  get lanes(): readonly LaneMemory[] {
    return this.#lanes.map(({ zero, compressed, raw }) => ({
      zeroBytes: zero * PAGE_SIZE,
      compressedBytes: compressed * PAGE_SIZE,
      rawBytes: raw * PAGE_SIZE,
    }))
  }

  async receive({ main, channels }: Connections): Promise<void> {
    this.#receivers.receive(
      channels.map(({ fd }) => fd),
      (packet, channel) => this.#take(packet, channel),
    )
    this.#main = new MainChannel(main.fd, main.first, new MainStreamParser(this))
    const ended = Promise.all([this.#main.ended, this.#receivers.ended])
    await Promise.race([ended, this.#failed.promise])
    while (this.#pending.size > 0)
      await Promise.race([Promise.allSettled(this.#pending), this.#failed.promise])
    await Promise.race([this.#failed.promise, Promise.resolve()])
    this.#state = this.#main.finish()
  }

  discard(): void {
    this.#receivers.discard()
    this.#main?.discard()
    const givenUp = new InternalError('The transfer was discarded')
    this.#announced.reject(givenUp)
    this.#failed.reject(givenUp)
  }

  hangUp(): void {
    this.#receivers.hangUp()
    this.#main?.destroy()
  }

  /** Waits until no frame is being passed to the writer. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receivers[Symbol.asyncDispose]()
    this.#announced.reject(new InternalError('The transfer ended'))
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
  }

  /** Processes a packet; releases its slot when its frames are with the writer. */
  #take(packet: ReceivedPacket, channel: number): void {
    // A point where channels wait for one another: it names no block.
    if (packet.zeros.length + packet.pieces.length === 0) return
    const { slot, work } = packet
    if (work !== undefined)
      this.#receivers.level = this.#options.levels.next(work, this.#writer.directWrites)
    this.#track(
      this.#store(packet, channel).finally(() => {
        if (slot !== undefined) this.#receivers.releaseSlot(slot)
      }),
    )
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#failed.reject(error))
      .finally(() => this.#pending.delete(tracked))
    this.#pending.add(tracked)
  }

  async #store(packet: ReceivedPacket, channel: number): Promise<void> {
    const ledger = this.#ledger ?? (await this.#announced.promise)
    const block = ledger.position(packet.block)
    for (const { firstPage, pageCount } of packet.zeros) {
      ledger.zero(block, firstPage, pageCount)
      this.#count(block, firstPage, pageCount, 'zero', channel)
    }
    const isStored = (page: number): boolean => ledger.isStored(block, page)
    const pieces = cutRepeats(packet.pieces, this.#boundaries, {
      ...{ block, isStored },
      slots: this.#receivers.slots,
    })
    for (const { firstPage, pageCount, compressed } of pieces) {
      ledger.store(block, firstPage, pageCount)
      this.#count(block, firstPage, pageCount, compressed ? 'compressed' : 'raw', channel)
    }
    const work = pieces.map((piece) => this.#storePiece(block, piece))
    // All of them, also after a fault: the slot is in use until the last has ended.
    const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  #count(
    block: number,
    firstPage: number,
    pageCount: number,
    kind: MemoryKind,
    channel?: number,
  ): void {
    this.#map?.count(block, firstPage, pageCount, kind)
    const lane = channel === undefined ? undefined : this.#lanes[channel]
    if (lane !== undefined) lane[kind] += pageCount
  }

  #storePiece(
    block: number,
    { firstPage, pageCount, compressed, offset, length, crc }: ReceivedPiece,
  ): Promise<void> {
    const { slots, outputs } = this.#receivers
    const stored = new Uint8Array(
      compressed ? (outputs as SharedArrayBuffer) : slots,
      offset,
      length,
    )
    const codec = compressed ? this.#options.codec : 'none'
    return this.#writer.add({ block, firstPage, pageCount, codec }, stored, crc)
  }
}
