import { CancelledError, InternalError, QemuError, StasisError } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import type { DirectFile } from '../../io/direct-file.ts'
import { UnixListener } from '../../io/unix-listener.ts'
import { acceptIdentified } from './accept-identified.ts'
import type { IdentifiedConnection } from './identify-connection.ts'
import { StreamToFile } from './stream-to-file.ts'

const CONNECT_TIMEOUT_MS = 60_000

/** The destination of a stream: `file` from `start`, a multiple of 4096. */
export interface StreamPlace {
  readonly file: DirectFile
  readonly start: number
}

/** The options of a receiver. */
export interface StreamReceiverOptions {
  /** The image, for messages. */
  readonly path: string
  /** The path that QEMU connects to; must not exist. */
  readonly socketPath: string
  readonly signal?: AbortSignal | undefined
}

/** Receives QEMU's streams into files verbatim: a main stream, and as many multifd channels as there are places for. */
export class StreamReceiver implements AsyncDisposable {
  readonly uri: string
  /** Settles when every connection has ended and is written. @throws StorageError, QemuError, CancelledError */
  readonly received: Promise<void>
  readonly #options: StreamReceiverOptions
  readonly #stop = new AbortController()
  readonly #listener: UnixListener
  #main: StreamToFile | undefined
  #channels: readonly StreamToFile[] = []

  /** Listens at once. @throws StorageError, UsageError */
  constructor(options: StreamReceiverOptions, main: StreamPlace, channels: readonly StreamPlace[]) {
    this.#options = options
    this.uri = `unix:${options.socketPath}`
    this.#listener = UnixListener.open(options.socketPath, channels.length + 1)
    this.received = this.#receive(main, channels)
    this.received.catch(() => undefined)
  }

  /** The main stream, after `received`. */
  get main(): StreamToFile {
    if (this.#main === undefined) throw new InternalError('No main stream was received')
    return this.#main
  }

  /** The channels in the order of their places, after `received`. */
  get channels(): readonly StreamToFile[] {
    return this.#channels
  }

  /** Bytes of each stream so far, and the total that the disk has accepted. */
  progress(): {
    readonly mainBytes: number
    readonly channelBytes: number[]
    readonly fileBytes: number
  } {
    const streams = this.#main === undefined ? [] : [this.#main, ...this.#channels]
    return {
      mainBytes: this.#main?.bytesRead ?? 0,
      channelBytes: this.#channels.map(({ bytesRead }) => bytesRead),
      fileBytes: streams.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    }
  }

  /** Closes the connections and waits until no write is pending. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#hangUp()
    await this.received.catch(() => undefined)
  }

  async #receive(main: StreamPlace, channels: readonly StreamPlace[]): Promise<void> {
    const { signal, path } = this.#options
    const stop = anySignal(this.#stop.signal, signal)
    const hangUp = (): void => this.#hangUp()
    stop.addEventListener('abort', hangUp)
    try {
      await this.#connect(main, channels, stop)
      await this.#follow()
      // A stream that ended because we closed the connection looks like any other end.
      if (stop.aborted) throw new CancelledError(`save to ${path}`, stop.reason)
      this.#hangUp()
    } catch (error) {
      this.#discard()
      if (stop.aborted) throw new CancelledError(`save to ${path}`, stop.reason)
      throw asStasisError(error, path)
    } finally {
      stop.removeEventListener('abort', hangUp)
    }
  }

  async #connect(
    mainPlace: StreamPlace,
    channelPlaces: readonly StreamPlace[],
    signal: AbortSignal,
  ): Promise<void> {
    const connections = await acceptIdentified(this.#listener.fd as number, channelPlaces.length, {
      timeoutMs: CONNECT_TIMEOUT_MS,
      signal,
    })
    const start = ({ fd, first }: IdentifiedConnection, place: StreamPlace): StreamToFile =>
      new StreamToFile(fd, first, place.file, place.start)
    this.#main = start(connections.main, mainPlace)
    this.#channels = channelPlaces.map((place, channel) =>
      start(connections.channels[channel] as IdentifiedConnection, place),
    )
  }

  /** Waits for all streams; the first fault ends the others. */
  async #follow(): Promise<void> {
    const faults: unknown[] = []
    const ended = [this.main, ...this.#channels].map(async (stream) => {
      try {
        await stream.ended
      } catch (error) {
        faults.push(error)
        this.#discard()
      }
    })
    await Promise.all(ended)
    if (faults.length > 0) throw faults[0]
  }

  /** Receives and discards the rest, until QEMU has cancelled. */
  #discard(): void {
    this.#main?.discard()
    for (const channel of this.#channels) channel.discard()
  }

  /** Closes every connection: a QEMU that still sends sees its migration fail. */
  #hangUp(): void {
    this.#main?.destroy()
    for (const channel of this.#channels) channel.destroy()
    this.#listener.close()
  }
}

function asStasisError(error: unknown, path: string): unknown {
  if (error instanceof StasisError) return error
  return new QemuError('QEMU_STREAM', 'The migration stream broke off', {
    operation: `save to ${path}`,
    path,
    cause: error,
  })
}
