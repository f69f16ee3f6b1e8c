import { Socket } from 'node:net'
import type { DeviceState } from '../../wire/device-state.ts'
import type { MainStreamParser } from '../../wire/main-stream.ts'

const BUFFER_LENGTH = 256 * 1024

/** The main connection of a QEMU that saves: passes its bytes to a parser as they arrive. */
export class MainChannel {
  /** Settles at the end of the stream. */
  readonly ended: Promise<void>
  readonly #parser: MainStreamParser
  readonly #fail: (error: unknown) => void
  readonly #socket: Socket
  #bytesRead: number
  #discarding = false

  constructor(fd: number, first: Uint8Array, parser: MainStreamParser) {
    this.#parser = parser
    this.#bytesRead = first.length
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ended = promise
    promise.catch(() => undefined)
    this.#fail = reject
    const buffer = Buffer.allocUnsafeSlow(BUFFER_LENGTH)
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: false,
      onread: {
        buffer,
        callback: (length) => {
          this.#take(buffer.subarray(0, length))
          return true
        },
      },
    })
    this.#socket.once('error', reject)
    this.#socket.once('close', () => resolve())
    parser.feed(first)
    this.#socket.resume()
  }

  /** Bytes received so far. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** The stream without its RAM, after `ended`. @throws WireError when it ended early */
  finish(): DeviceState {
    return this.#parser.finish()
  }

  /** Receives and discards the rest from now on: see `ImageReceiver`. */
  discard(): void {
    this.#discarding = true
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  #take(bytes: Uint8Array): void {
    if (this.#discarding) return
    this.#bytesRead += bytes.length
    try {
      this.#parser.feed(bytes)
    } catch (error) {
      this.#fail(error)
      this.discard()
    }
  }
}
