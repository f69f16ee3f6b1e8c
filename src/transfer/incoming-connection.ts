import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { CancelledError, QemuError, type StasisError, throwIfCancelled } from '../errors.ts'
import { connectSocketItself } from '../io/sockets/connect-socket.ts'

const OPERATION = 'send the machine to QEMU'
const CONNECT_TIMEOUT_MS = 10_000
const RETRY_MS = 5

/** A connection to the socket on which a new QEMU waits for its incoming migration. */
export class IncomingConnection implements Disposable {
  readonly #socket: Socket
  readonly #signal: AbortSignal | undefined
  readonly #cancel = (): void => {
    this.#fail(new CancelledError(OPERATION, this.#signal?.reason))
  }
  readonly #closed = Promise.withResolvers<StasisError>()
  #failure: StasisError | undefined
  #rejectPending: ((error: StasisError) => void) | undefined
  #sentBytes = 0

  private constructor(
    socket: Socket,
    path: string,
    signal: AbortSignal | undefined,
    onData: ((bytes: Uint8Array) => void) | undefined,
  ) {
    this.#socket = socket
    this.#signal = signal
    signal?.addEventListener('abort', this.#cancel, { once: true })
    let cause: unknown
    socket.on('error', (error) => {
      cause = error
    })
    socket.on('close', () => {
      this.#fail(
        new QemuError(
          'QEMU_DIED',
          'QEMU closed the incoming connection before it had received everything',
          {
            operation: OPERATION,
            path,
            cause,
          },
        ),
      )
    })
    if (onData !== undefined) socket.on('data', onData)
    // Only a read reveals that QEMU has closed its end.
    socket.resume()
  }

  /**
   * `onData` receives QEMU's messages: a postcopy destination has a return path, any other sends nothing.
   * @throws QemuError QEMU_DIED when nothing listens at `path`, CancelledError
   */
  static async open(
    path: string,
    signal: AbortSignal | undefined,
    onData?: (bytes: Uint8Array) => void,
  ): Promise<IncomingConnection> {
    throwIfCancelled(OPERATION, signal)
    const deadline = performance.now() + CONNECT_TIMEOUT_MS
    for (;;) {
      try {
        return new IncomingConnection(await connectSocketItself(path), path, signal, onData)
      } catch (cause) {
        // The queue of waiting connections is full.
        if ((cause as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > deadline) {
          const facts = { operation: OPERATION, path, cause }
          throw new QemuError('QEMU_DIED', `QEMU does not listen on ${path}`, facts)
        }
        await sleep(RETRY_MS)
        throwIfCancelled(OPERATION, signal)
      }
    }
  }

  /** Uses a socket whose other end QEMU has inherited, and takes ownership of it. @throws CancelledError */
  static on(
    fd: number,
    signal: AbortSignal | undefined,
    onData?: (bytes: Uint8Array) => void,
  ): IncomingConnection {
    const socket = new Socket({ fd, readable: true, writable: true })
    try {
      throwIfCancelled(OPERATION, signal)
    } catch (error) {
      socket.destroy()
      throw error
    }
    return new IncomingConnection(socket, 'the inherited socket', signal, onData)
  }

  /** Bytes that the kernel has accepted so far. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Resolves with the cause when the connection is over; never rejects. */
  get closed(): Promise<StasisError> {
    return this.#closed.promise
  }

  /** Settles when the kernel has all of `bytes`; they may be reused then. @throws QemuError QEMU_DIED, CancelledError */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#pending((done) => this.#socket.write(bytes, done))
    this.#sentBytes += bytes.length
  }

  /** The same with several pieces, one after another. @throws QemuError QEMU_DIED, CancelledError */
  async writeAll(pieces: readonly Uint8Array[]): Promise<void> {
    const last = pieces.length - 1
    await this.#pending((done) => {
      this.#socket.cork()
      for (const [position, bytes] of pieces.entries())
        this.#socket.write(bytes, position === last ? done : undefined)
      this.#socket.uncork()
    })
    this.#sentBytes += pieces.reduce((sum, { length }) => sum + length, 0)
  }

  /**
   * Ends the sending direction. A QEMU that has everything it needs may close the connection first; it receives what the kernel has accepted in any
   * case.
   * @throws CancelledError
   */
  async end(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#socket.destroyed) resolve()
      this.#socket.once('close', resolve)
      this.#socket.end(resolve)
    })
    throwIfCancelled(OPERATION, this.#signal)
  }

  /**
   * Releases the connection without ending it, for another owner of the same socket. `onData` receives everything that QEMU has sent until then, so
   * nothing is lost.
   */
  release(): void {
    // All in one turn of the event loop, so that nothing else can read in between.
    this.#socket.pause()
    for (;;) {
      const bytes = this.#socket.read() as Uint8Array | null
      if (bytes === null) break
    }
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener('abort', this.#cancel)
    this.#socket.destroy()
  }

  /** One call at a time: it ends with its callback, or when the connection fails. */
  #pending(act: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      this.#rejectPending = reject
      act((error) => {
        // After an error `close` follows, which knows more.
        if (error === undefined || error === null) resolve()
      })
    })
  }

  #fail(failure: StasisError): void {
    this.#failure ??= failure
    this.#closed.resolve(this.#failure)
    this.#socket.destroy()
    this.#rejectPending?.(this.#failure)
  }
}
