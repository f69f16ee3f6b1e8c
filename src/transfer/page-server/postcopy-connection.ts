import { QemuError, type StasisError } from '../../errors.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import {
  endOfPostcopy,
  requestReceivedPages,
  postcopyStart,
  resumePostcopy,
} from '../../wire/postcopy-commands.ts'
import { type ReturnMessage, ReturnPathParser } from '../../wire/return-path.ts'
import { ramEnd } from '../../wire/incoming-stream.ts'
import type { RamBlock } from '../../image/saved-machine.ts'
import { IncomingConnection } from '../incoming-connection.ts'
import type { SentPages } from './sent-pages.ts'

const OPERATION = 'load the memory of the guest'

/** Pages that the guest waits for, in bytes of the named block. */
export interface PageRequest {
  readonly block: string
  readonly start: number
  readonly length: number
}

/** A connection to a QEMU: the path of its socket, or our end of a socket pair that it inherited, which we take ownership of. */
export type QemuEndpoint = { readonly path: string } | { readonly fd: number }

/** The point in QEMU's return path at which a previous source stopped reading. */
export interface ReturnPathState {
  /** The block of the last request. */
  readonly block: string
  /** The beginning of a message. */
  readonly rest: Uint8Array
}

/** The connection to a QEMU whose guest runs while its memory arrives. */
export class PostcopyConnection implements Disposable {
  readonly #parser: ReturnPathParser
  readonly #received: ReturnMessage[] = []
  #connection: IncomingConnection | undefined
  #onRequest: (request: PageRequest) => void
  #wake: (() => void) | undefined
  #block: string
  #fault: StasisError | undefined
  #ended: StasisError | undefined

  private constructor(onRequest: (request: PageRequest) => void, before: ReturnPathState) {
    this.#onRequest = onRequest
    this.#parser = new ReturnPathParser(before.rest)
    this.#block = before.block
  }

  /** `before`: the state of the previous source of this connection. @throws QemuError QEMU_DIED, CancelledError */
  static async open(
    endpoint: QemuEndpoint,
    signal: AbortSignal | undefined,
    onRequest: (request: PageRequest) => void,
    before: ReturnPathState = { block: '', rest: new Uint8Array(0) },
  ): Promise<PostcopyConnection> {
    const postcopy = new PostcopyConnection(onRequest, before)
    const onData = (bytes: Uint8Array): void => postcopy.#take(bytes)
    const connection =
      'fd' in endpoint
        ? IncomingConnection.on(endpoint.fd, signal, onData)
        : await IncomingConnection.open(endpoint.path, signal, onData)
    postcopy.#connection = connection
    void connection.closed.then((ended) => {
      postcopy.#ended = ended
      postcopy.#wake?.()
    })
    return postcopy
  }

  get connection(): IncomingConnection {
    return this.#connection as IncomingConnection
  }

  /** Sends the devices and everything else that QEMU needs before the guest can run. */
  async start(
    state: DeviceState,
    blocks: readonly RamBlock[],
    hostPageSizes: ReadonlyMap<string, number>,
  ): Promise<void> {
    await this.connection.write(postcopyStart(state, blocks, hostPageSizes))
  }

  /** Replaces a source that is gone: queries which pages QEMU has. @throws QemuError QEMU_STREAM, QEMU_DIED */
  async takeOver(blocks: readonly RamBlock[], sent: SentPages): Promise<void> {
    for (const [block, { name }] of blocks.entries()) {
      await this.connection.write(requestReceivedPages(name))
      const answer = await this.#next()
      if (answer.type !== 'received' || answer.block !== name)
        throw surprise(`${answer.type} instead of the pages of ${name}`)
      sent.markReceived(block, answer.bits)
    }
    await this.connection.write(resumePostcopy())
    const answer = await this.#next()
    if (answer.type !== 'resumed') throw surprise(`${answer.type} instead of continuing`)
  }

  /** Announces that QEMU has all pages, and waits until it confirms. @throws QemuError QEMU_STREAM, QEMU_DIED */
  async finish(ramSection: number): Promise<void> {
    await this.connection.write(ramEnd(ramSection))
    await this.connection.write(endOfPostcopy())
    for (;;) {
      const answer = await this.#next()
      if (answer.type !== 'shut') continue
      if (answer.value === 0) return
      throw surprise(`failure ${answer.value} at the end`)
    }
  }

  /** Throws the error that broke the connection, if any. */
  check(): void {
    const fault = this.#fault ?? this.#ended
    if (fault !== undefined) throw fault
  }

  /** Releases the connection to a process that has the same socket and continues there. */
  release(): ReturnPathState {
    this.connection.release()
    return { block: this.#block, rest: this.#parser.rest }
  }

  [Symbol.dispose](): void {
    this.#connection?.[Symbol.dispose]()
  }

  #take(bytes: Uint8Array): void {
    try {
      for (const message of this.#parser.feed(bytes)) {
        if (message.type === 'request') {
          this.#block = message.block ?? this.#block
          const { start, length } = message
          this.#onRequest({ block: this.#block, start, length })
        } else if (message.type !== 'other') {
          this.#received.push(message)
        }
      }
    } catch (cause) {
      this.#fault = surprise('a message that cannot be read', cause)
      this[Symbol.dispose]()
    }
    this.#wake?.()
  }

  async #next(): Promise<ReturnMessage> {
    for (;;) {
      const message = this.#received.shift()
      if (message !== undefined) return message
      this.check()
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}

function surprise(what: string, cause?: unknown): QemuError {
  return new QemuError(
    'QEMU_STREAM',
    `QEMU sent an unexpected message on the return path: ${what}`,
    {
      operation: OPERATION,
      cause,
    },
  )
}
