import { Socket } from 'node:net'
import { InternalError } from '../../errors.ts'

const SIGNAL = Buffer.of(1)

/**
 * Connects an active page server with its successor. The successor waits for the name of the domain, which means that the restore is recorded, and for a
 * signal that it is to take over. Then it reports that it is ready, receives the whole state of the other, and confirms it.
 */
export class HandOverChannel implements Disposable {
  readonly #socket: Socket
  readonly #chunks: Buffer[] = []
  #ended = false
  #wake: (() => void) | undefined

  /** Takes ownership of `fd`. */
  constructor(fd: number) {
    this.#socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true })
    // Only the end of the connection matters, not its error.
    this.#socket.on('error', () => undefined)
    this.#socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#wake?.()
    })
    for (const event of ['end', 'close'])
      this.#socket.once(event, () => {
        this.#ended = true
        this.#wake?.()
      })
  }

  /** Sends a signal. */
  sendSignal(): void {
    this.#socket.write(SIGNAL)
  }

  /** Sends a name. */
  sendName(name: string): void {
    this.#socket.write(`${JSON.stringify(name)}\n`)
  }

  /** Waits for a name; `undefined` when none will arrive, or `signal` was aborted. */
  async name(signal: AbortSignal): Promise<string | undefined> {
    for (;;) {
      const bytes = Buffer.concat(this.#chunks)
      const end = bytes.indexOf('\n')
      if (end >= 0) {
        const rest = bytes.subarray(end + 1)
        this.#chunks.splice(0, this.#chunks.length, ...(rest.length === 0 ? [] : [rest]))
        return String(JSON.parse(bytes.toString('utf8', 0, end)))
      }
      if (this.#ended || signal.aborted) return undefined
      await this.#waitForChange(signal)
    }
  }

  /** Sends data and ends this direction. */
  end(bytes: Uint8Array): void {
    this.#socket.end(bytes)
  }

  /** Waits for a signal. @throws InternalError when none will arrive, or `signal` was aborted */
  async next(signal: AbortSignal): Promise<void> {
    while (this.#chunks.length === 0) {
      if (this.#ended || signal.aborted) throw new InternalError('The other page server is gone')
      await this.#waitForChange(signal)
    }
    const [chunk = SIGNAL] = this.#chunks
    if (chunk.length > SIGNAL.length) this.#chunks[0] = chunk.subarray(SIGNAL.length)
    else this.#chunks.shift()
  }

  /** Waits for a signal; false when none will arrive, or `signal` was aborted. */
  async hears(signal: AbortSignal): Promise<boolean> {
    return this.next(signal).then(
      () => true,
      () => false,
    )
  }

  /** Receives everything up to the end. @throws InternalError when `signal` was aborted */
  async all(signal: AbortSignal): Promise<Uint8Array> {
    while (!this.#ended) {
      if (signal.aborted) throw new InternalError('The other page server does not answer')
      await this.#waitForChange(signal)
    }
    return Buffer.concat(this.#chunks)
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  async #waitForChange(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
