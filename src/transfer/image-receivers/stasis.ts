import { stat } from 'node:fs/promises'
import { CancelledError, InternalError, QemuError, StasisError } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import { UnixListener } from '../../io/unix-listener.ts'
import { StasisWriter } from '../../image/stasis/writer.ts'
import { MainStreamParser, type MachineStream } from '../../wire/main-stream.ts'
import { WireError } from '../../wire/wire-error.ts'
import { acceptIdentified } from '../receive/accept-identified.ts'
import { chooseLevel } from '../compression-level.ts'
import { FramePipeline } from '../receive/frame-pipeline.ts'
import { MainChannel } from '../receive/main-channel.ts'
import { Receivers } from '../receive/receivers.ts'
import type {
  SavedImage,
  ImageReceiver,
  ImageReceiverOptions,
  TransferProgress,
} from '../image-receiver.ts'

const CONNECT_TIMEOUT_MS = 60_000

/** Receives a machine over multifd channels into one `stasis` container. @throws StorageError, UsageError */
export async function openStasisReceiver(options: ImageReceiverOptions): Promise<ImageReceiver> {
  const writer = await StasisWriter.create(options.path, options)
  try {
    return new StasisReceiver(
      options,
      writer,
      UnixListener.open(options.socketPath, options.channels + 1),
    )
  } catch (error) {
    await writer[Symbol.asyncDispose]()
    throw error
  }
}

class StasisReceiver implements ImageReceiver {
  readonly uri: string
  readonly multifd: ImageReceiver['multifd']
  readonly received: Promise<void>
  readonly #options: ImageReceiverOptions
  readonly #writer: StasisWriter
  readonly #pipeline: FramePipeline
  readonly #receivers: Receivers
  readonly #stop = new AbortController()
  readonly #listener: UnixListener
  #main: MainChannel | undefined
  #stream: MachineStream | undefined

  constructor(options: ImageReceiverOptions, writer: StasisWriter, listener: UnixListener) {
    this.#options = options
    this.#writer = writer
    this.#listener = listener
    this.uri = `unix:${options.socketPath}`
    this.multifd = { channels: options.channels, compression: 'none' }
    const { codec } = options
    const level = chooseLevel(codec, options.compressionLevel)
    this.#pipeline = new FramePipeline(writer, { codec, level })
    this.#receivers = new Receivers(codec, options.channels, (packet) =>
      this.#pipeline.packet(packet, this.#receivers),
    )
    // For the packets that arrive before the pipeline has processed one.
    this.#receivers.level = level.next(false)
    this.received = this.#receive()
    this.received.catch(() => undefined)
  }

  progress(): TransferProgress {
    const ledger = this.#pipeline.ledger
    const { channelBytes } = this.#receivers
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
    await this.#receivers[Symbol.asyncDispose]()
    await this.#pipeline.idle()
    await this.#writer[Symbol.asyncDispose]()
  }

  async #receive(): Promise<void> {
    const { signal } = this.#options
    const stop = anySignal(this.#stop.signal, signal)
    const cancelled = Promise.withResolvers<never>()
    // If cancelled before anything waits for it, it would end the process as an unhandled rejection.
    cancelled.promise.catch(() => undefined)
    const cancel = (): void =>
      cancelled.reject(new CancelledError(`save to ${this.#options.path}`, stop.reason))
    stop.addEventListener('abort', cancel, { once: true })
    try {
      const main = await this.#connect(stop)
      const ended = [main.ended, this.#receivers.ended]
      await Promise.race([Promise.all(ended), this.#pipeline.failed, cancelled.promise])
      await Promise.race([this.#pipeline.drain(), cancelled.promise])
      this.#stream = main.finish()
      this.#hangUp()
    } catch (error) {
      this.#discard()
      throw asStasisError(error, this.#options.path)
    } finally {
      stop.removeEventListener('abort', cancel)
    }
  }

  async #connect(signal: AbortSignal): Promise<MainChannel> {
    const { main, channels } = await acceptIdentified(
      this.#listener.fd as number,
      this.#options.channels,
      { timeoutMs: CONNECT_TIMEOUT_MS, signal },
    )
    this.#receivers.receive(channels.map(({ fd }) => fd))
    this.#main = new MainChannel(main.fd, main.first, new MainStreamParser(this.#pipeline))
    return this.#main
  }

  /** Receives and discards the rest, until QEMU has cancelled. */
  #discard(): void {
    this.#receivers.discard()
    this.#main?.discard()
  }

  /** Closes every connection: a QEMU that still sends sees its migration fail. */
  #hangUp(): void {
    this.#receivers.hangUp()
    this.#main?.destroy()
    this.#listener.close()
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
