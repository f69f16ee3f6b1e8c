import { stat, unlink } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { CancelledError, QemuError, StasisError, InternalError } from '../errors.ts'
import { closeDescriptor, listenUnix } from '../io/system-calls.ts'
import { StasisWriter } from '../image/stasis/writer.ts'
import { MainStreamParser, type MachineStream } from '../wire/main-stream.ts'
import { WireError } from '../wire/wire-error.ts'
import { acceptConnections } from './accept-channels.ts'
import { chooseLevel } from './compression-level.ts'
import { FramePipeline } from './frame-pipeline.ts'
import { identifyConnection } from './identify-connection.ts'
import { MainChannel } from './main-channel.ts'
import { MultifdChannel } from './multifd-channel.ts'
import type { SavedImage, SaveTarget, SaveTargetOptions, TransferProgress } from './save-target.ts'
import { SlotPool } from './slot-pool.ts'

/** A packet's 128 pages, and as much again for gaps that are bridged. */
const SLOT_LENGTH = 1024 * 1024

/** Slots beside the one that each channel fills: being compressed or written. */
const SPARE_SLOTS = 12

const CONNECT_TIMEOUT_MS = 60_000

/** Receives a machine over multifd channels into one `stasis` container. @throws StorageError, UsageError */
export async function openStasisTarget(options: SaveTargetOptions): Promise<SaveTarget> {
  const writer = await StasisWriter.create(options.path, options)
  try {
    return new StasisTarget(options, writer, listenUnix(options.socketPath, options.channels + 1))
  } catch (error) {
    await writer[Symbol.asyncDispose]()
    throw error
  }
}

class StasisTarget implements SaveTarget {
  readonly uri: string
  readonly multifd: SaveTarget['multifd']
  readonly received: Promise<void>
  readonly #options: SaveTargetOptions
  readonly #writer: StasisWriter
  readonly #pipeline: FramePipeline
  readonly #pool: SlotPool
  readonly #stop = new AbortController()
  #listener: number | undefined
  #main: MainChannel | undefined
  #channels: readonly MultifdChannel[] = []
  #stream: MachineStream | undefined

  constructor(options: SaveTargetOptions, writer: StasisWriter, listener: number) {
    this.#options = options
    this.#writer = writer
    this.#listener = listener
    this.uri = `unix:${options.socketPath}`
    this.multifd = { channels: options.channels, compression: 'none' }
    this.#pool = new SlotPool(options.channels + SPARE_SLOTS, SLOT_LENGTH)
    this.#pipeline = new FramePipeline(writer, this.#pool, {
      codec: options.compression,
      level: chooseLevel(options.compression, options.compressionLevel),
      workers: availableParallelism(),
    })
    this.received = this.#receive()
    this.received.catch(() => undefined)
  }

  progress(): TransferProgress {
    const ledger = this.#pipeline.ledger
    const channelBytes = this.#channels.map((channel) => channel.bytesRead)
    return {
      transferredBytes: channelBytes.reduce(
        (sum, bytes) => sum + bytes,
        this.#main?.bytesRead ?? 0,
      ),
      ramBytes:
        ledger === undefined ? 0 : Math.min(ledger.storedBytes + ledger.zeroBytes, ledger.ramBytes),
      ramTotalBytes: ledger?.ramBytes ?? 0,
      fileBytes: this.#writer.fileBytes,
      channelBytes,
    }
  }

  async publish(): Promise<SavedImage> {
    const ledger = this.#pipeline.ledger
    if (this.#stream === undefined || ledger === undefined)
      throw new InternalError('publish() before everything was received')
    const fileBytes = await this.#writer.publish(this.#stream)
    const { blocks } = await stat(this.#options.path)
    return {
      path: this.#options.path,
      format: 'stasis',
      fileBytes,
      allocatedBytes: blocks * 512,
      ramBytes: ledger.ramBytes,
      zeroBytes: ledger.ramBytes - ledger.storedBytes,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#hangUp()
    await this.received.catch(() => undefined)
    await this.#pipeline.settle()
    await this.#writer[Symbol.asyncDispose]()
  }

  async #receive(): Promise<void> {
    const { signal } = this.#options
    const stop = AbortSignal.any([this.#stop.signal, ...(signal === undefined ? [] : [signal])])
    const cancelled = Promise.withResolvers<never>()
    const cancel = (): void =>
      cancelled.reject(new CancelledError(`save to ${this.#options.path}`, stop.reason))
    stop.addEventListener('abort', cancel, { once: true })
    try {
      await this.#connect(stop)
      const ended = [this.#main?.ended, ...this.#channels.map((channel) => channel.ended)]
      await Promise.race([Promise.all(ended), this.#pipeline.failed, cancelled.promise])
      await Promise.race([this.#pipeline.drain(), cancelled.promise])
      this.#stream = this.#main?.finish()
    } catch (error) {
      throw asStasisError(error, this.#options.path)
    } finally {
      stop.removeEventListener('abort', cancel)
      cancelled.promise.catch(() => undefined)
      this.#hangUp()
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const options = { timeoutMs: CONNECT_TIMEOUT_MS, signal }
    const listener = this.#listener as number
    const fds = await acceptConnections(listener, this.#options.channels + 1, options)
    const identified = await Promise.all(fds.map((fd) => identifyConnection(fd, options))).catch(
      (error: unknown) => {
        for (const fd of fds) closeDescriptor(fd)
        throw error
      },
    )
    this.#channels = identified
      .filter(({ kind }) => kind === 'channel')
      .map(({ fd, first }) => new MultifdChannel(fd, first, this.#pool, this.#pipeline))
    const mains = identified.filter(({ kind }) => kind === 'main')
    for (const { fd, first } of mains)
      this.#main = new MainChannel(fd, first, new MainStreamParser(this.#pipeline))
    if (mains.length !== 1)
      throw new QemuError('QEMU_STREAM', `QEMU opened ${mains.length} main channels`)
  }

  /** Closes every connection: a QEMU that still sends sees its migration fail. */
  #hangUp(): void {
    for (const channel of this.#channels) channel.destroy()
    this.#main?.destroy()
    if (this.#listener === undefined) return
    closeDescriptor(this.#listener)
    this.#listener = undefined
    void unlink(this.#options.socketPath).catch(() => undefined)
  }
}

function asStasisError(error: unknown, path: string): unknown {
  if (error instanceof StasisError) return error
  const operation = `save to ${path}`
  if (error instanceof WireError) {
    return new QemuError(
      'QEMU_STREAM',
      `QEMU sent what is not understood: ${error.message} (at byte ${error.offset})`,
      {
        operation,
        path,
        cause: error,
      },
    )
  }
  return new QemuError('QEMU_STREAM', 'The migration stream broke off', {
    operation,
    path,
    cause: error,
  })
}
