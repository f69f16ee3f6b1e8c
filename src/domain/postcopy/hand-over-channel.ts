import { Socket } from 'node:net'
import { InternalError } from '../../errors.ts'

const WORD = Buffer.of(1)

/**
 * Between the page server at work and the one that will go on in its place: this one says when it is ready, hears all that the other
 * knows up to the end of that, and says that it has it.
 */
export class HandOverChannel implements Disposable {
  readonly #socket: Socket
  readonly #chunks: Buffer[] = []
  #ended = false
  #wake: (() => void) | undefined

  /** `fd` becomes ours. */
  constructor(fd: number) {
    this.#socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true })
    // Its end is all that matters of an error.
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

  /** Says one word. */
  say(): void {
    this.#socket.write(WORD)
  }

  /** Says something long, and that it was the last. */
  end(bytes: Uint8Array): void {
    this.#socket.end(bytes)
  }

  /** Waits for a word. @throws InternalError when none will come, or `signal` was aborted */
  async next(signal: AbortSignal): Promise<void> {
    while (this.#chunks.length === 0) {
      if (this.#ended || signal.aborted) throw new InternalError('The other page server is gone')
      await this.#something(signal)
    }
    const [chunk = WORD] = this.#chunks
    if (chunk.length > WORD.length) this.#chunks[0] = chunk.subarray(WORD.length)
    else this.#chunks.shift()
  }

  /** Everything up to the end. @throws InternalError when `signal` was aborted */
  async all(signal: AbortSignal): Promise<Uint8Array> {
    while (!this.#ended) {
      if (signal.aborted) throw new InternalError('The other page server says nothing')
      await this.#something(signal)
    }
    return Buffer.concat(this.#chunks)
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  async #something(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
