import { CancelledError, QemuError, StasisError } from '../../errors.ts'
import { widenSendBuffers } from '../../io/sockets/send-buffers.ts'
import { UnixListener } from '../../io/sockets/unix-listener.ts'
import { WireError } from '../../wire/wire-error.ts'
import { type Connections, acceptConnections } from './accept-connections.ts'

const CONNECT_TIMEOUT_MS = 60_000

/** What QEMU may send ahead on each connection, and on all of them: the memory counts as QEMU's. */
const AHEAD_LENGTH = 1024 * 1024
const MOST_AHEAD = 16 * 1024 * 1024

/** Receives the data of a saving QEMU's connections. */
export interface ConnectionReceiver {
  /** Takes ownership of the connections. Settles when all have ended and no write is pending; rejects at the first fault. */
  receive(connections: Connections): Promise<void>
  /** Reads and discards the rest from now on, until QEMU closes the connections; see `ImageReceiver`. `receive` need not wait for that. */
  discard(): void
  /** Closes every connection: a QEMU that still sends sees its migration fail. `receive` settles then. */
  hangUp(): void
}

/** Options of a listener for a saving QEMU. */
export interface QemuListenerOptions {
  /** The image, for messages. */
  readonly path: string
  /** A unix socket path that does not exist yet. */
  readonly socketPath: string
  /** Number of connections in addition to the main one. */
  readonly channels: number
  /** See `AcceptOptions`. */
  readonly atOnce?: boolean | undefined
}

/**
 * Waits for the connections of a saving QEMU and passes them to a receiver. After a fault, and on abort, QEMU must be the first to close them: until
 * this is disposed, the rest of the data is discarded.
 */
export class QemuListener implements AsyncDisposable {
  /** For QMP `migrate`. */
  readonly uri: string
  /** Settles when everything was received. @throws StorageError, QemuError, CancelledError */
  readonly received: Promise<void>
  readonly #path: string
  readonly #listener: UnixListener
  readonly #receiver: ConnectionReceiver
  readonly #stop = new AbortController()
  readonly #aborted = Promise.withResolvers<never>()
  #receiving: Promise<void> = Promise.resolve()

  /** Listens at once. @throws StorageError, UsageError */
  constructor(options: QemuListenerOptions, receiver: ConnectionReceiver) {
    const { path, socketPath, channels } = options
    this.#path = path
    this.#listener = UnixListener.open(socketPath, channels + 1)
    this.#receiver = receiver
    this.uri = `unix:${socketPath}`
    this.#aborted.promise.catch(() => undefined)
    this.received = this.#receive(options)
    // Without this, a fault before the first wait would end the process.
    this.received.catch(() => undefined)
  }

  /** Aborts: `received` rejects. */
  abort(reason: unknown): void {
    this.#stop.abort(reason)
    this.#aborted.reject(this.#cancelled())
  }

  /** Closes the connections and waits until no write is pending. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.abort(undefined)
    this.#hangUp()
    await this.received.catch(() => undefined)
    await this.#receiving.catch(() => undefined)
  }

  async #receive({ channels, atOnce }: QemuListenerOptions): Promise<void> {
    try {
      const connections = await acceptConnections(this.#listener.fd as number, channels, {
        timeoutMs: CONNECT_TIMEOUT_MS,
        atOnce,
        signal: this.#stop.signal,
      })
      const { main } = connections
      widenSendBuffers(main.fd, Math.min(AHEAD_LENGTH, Math.floor(MOST_AHEAD / (channels + 1))))
      this.#receiving = this.#receiver.receive(connections)
      await Promise.race([this.#receiving, this.#aborted.promise])
      this.#hangUp()
    } catch (error) {
      this.#receiver.discard()
      throw this.#stop.signal.aborted ? this.#cancelled() : asStasisError(error, this.#path)
    }
  }

  #hangUp(): void {
    this.#receiver.hangUp()
    this.#listener.close()
  }

  #cancelled(): CancelledError {
    return new CancelledError(`save to ${this.#path}`, this.#stop.signal.reason)
  }
}

function asStasisError(error: unknown, path: string): unknown {
  if (error instanceof StasisError) return error
  const message =
    error instanceof WireError
      ? `QEMU sent a stream that Stasis cannot read: ${error.message} (at byte ${error.offset})`
      : 'The migration stream ended early'
  return new QemuError('QEMU_STREAM', message, {
    operation: `save to ${path}`,
    path,
    cause: error,
    hint:
      error instanceof WireError && error.kind === 'unsupported'
        ? "Save it with --format raw, which keeps QEMU's stream as it is"
        : undefined,
  })
}
