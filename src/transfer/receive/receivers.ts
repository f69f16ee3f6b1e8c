import { availableParallelism } from 'node:os'
import { InternalError, QemuError } from '../../errors.ts'
import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import { shutDown } from '../../io/sockets/blocking-socket.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import { WireError } from '../../wire/wire-error.ts'
import {
  OUTPUT_LENGTH,
  type ReceiveAnswer,
  type ReceiveJob,
  type ReceiveThreadData,
  type ReceivedPacket,
  SLOT_LENGTH,
} from './receive-job.ts'
import { ReceiveState } from './receive-state.ts'
import { WorkerThread } from '../worker-thread.ts'

/** More threads are no faster than one event loop can pass their results on. */
const MAX_THREADS = 16

/** Slots in addition to the one that each thread works on, for data on its way to the disk. Pages that are stored as they are stay there until they are written. */
const SPARE_SLOTS = 16

type ReceiveThread = WorkerThread<ReceiveJob, ReceiveAnswer>

/**
 * Threads that receive the multifd channels of a saving QEMU. Each takes a packet from any channel that has one, checksums and compresses it, and
 * reports it here. They work while there are free slots; without one they wait, and so does QEMU. There is no other flow control.
 */
export class Receivers implements AsyncDisposable {
  readonly slots: SharedArrayBuffer
  /** The compressed pages; see `ReceivedPiece`. */
  readonly outputs: SharedArrayBuffer | undefined
  /** Settles when every channel has ended, after everything that they carried was reported. */
  readonly ended: Promise<void>
  /** Bytes of each channel; empty until all of them are connected. */
  channelBytes: readonly number[] = []
  readonly #end = Promise.withResolvers<void>()
  readonly #state: ReceiveState
  readonly #threads: readonly ReceiveThread[]
  #working: number
  #onPacket: (packet: ReceivedPacket, channel: number) => void = () => undefined
  #fds: readonly number[] = []

  /** Starts the threads for that many channels. */
  constructor(codec: FrameCodec, channelCount: number) {
    // Without compression, more threads than channels would only wait.
    const useful = codec === 'none' ? Math.min(channelCount, MAX_THREADS) : MAX_THREADS
    const threadCount = Math.min(availableParallelism(), useful)
    const slotCount = threadCount + SPARE_SLOTS
    this.slots = shared(slotCount * SLOT_LENGTH)
    this.outputs = codec === 'none' ? undefined : shared(slotCount * OUTPUT_LENGTH)
    this.ended = this.#end.promise
    this.ended.catch(() => undefined)
    this.#state = new ReceiveState(channelCount, slotCount)
    const data: ReceiveThreadData = {
      ...{ codec, channelCount, slotCount },
      ...{ state: this.#state.memory, slots: this.slots, outputs: this.outputs },
    }
    this.#working = threadCount
    this.#threads = Array.from({ length: threadCount }, () => this.#start(data))
  }

  get threadCount(): number {
    return this.#threads.length
  }

  /** The compression level of the next packets; `undefined` stores their pages as they are. */
  set level(level: number | undefined) {
    this.#state.level = level
  }

  /** Starts to receive from the channels, whose first word was read; takes ownership of their descriptors. */
  receive(
    fds: readonly number[],
    onPacket: (packet: ReceivedPacket, channel: number) => void,
  ): void {
    this.#onPacket = onPacket
    this.#fds = fds
    this.channelBytes = fds.map(() => 0)
    const job: ReceiveJob = { fds }
    for (const thread of this.#threads) thread.post(job)
  }

  /** Releases the slot of a packet. */
  releaseSlot(slot: number): void {
    this.#state.releaseSlot(slot)
  }

  /** Receives and discards the rest from now on: see `ImageReceiver`. */
  discard(): void {
    this.#state.discard()
  }

  /** Ends all connections: a QEMU that still sends sees its migration fail. */
  hangUp(): void {
    for (const fd of this.#fds) shutDown(fd)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.discard()
    this.hangUp()
    this.#end.reject(new InternalError('The receiving threads were ended'))
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()))
    // Not while a thread reads from them: the number of a closed descriptor may be reused for another file at once.
    for (const fd of this.#fds) closeDescriptor(fd)
    this.#fds = []
  }

  #start(data: ReceiveThreadData): ReceiveThread {
    return new WorkerThread({
      program: new URL('./receive-thread.ts', import.meta.url),
      data,
      keepsProcess: true,
      onAnswer: (answer) => this.#take(answer),
      onFailure: (error) => this.#end.reject(error),
    })
  }

  #take(answer: ReceiveAnswer): void {
    if (answer.kind === 'failed') {
      this.#end.reject(new WireError(answer.fault, answer.message, answer.offset))
    } else if (answer.kind === 'done') {
      // One thread reaches the end of a channel while another still works on its last packet.
      this.#working -= 1
      if (this.#working > 0) return
      if (this.#state.discarding) {
        this.#end.reject(new QemuError('QEMU_STREAM', 'The migration channels were discarded'))
      } else {
        this.#end.resolve()
      }
    } else {
      const { channel, bytes, packet } = answer
      this.channelBytes = this.channelBytes.with(channel, (this.channelBytes[channel] ?? 0) + bytes)
      this.#onPacket(packet, channel)
    }
  }
}

function shared(length: number): SharedArrayBuffer {
  return allocateAligned(length, { shared: true }).buffer as SharedArrayBuffer
}
