import { Socket } from 'node:net'
import { InternalError } from '../../errors.ts'
import type { StreamSink } from '../../image/stream-sink.ts'
import type { Connections } from './accept-connections.ts'
import type { ConnectionReceiver } from './qemu-listener.ts'

/** Appends the data of one connection to a sink. */
export class StreamToSink implements ConnectionReceiver {
  receivedBytes = 0
  readonly #sink: StreamSink
  #socket: Socket | undefined
  #isDiscarded = false

  constructor(sink: StreamSink) {
    this.#sink = sink
  }

  async receive({ main }: Connections): Promise<void> {
    this.#socket = new Socket({ fd: main.fd, readable: true, writable: false })
    await this.#append(main.first)
    for await (const bytes of this.#socket) await this.#append(bytes as Buffer)
    if (this.#isDiscarded) throw new InternalError('The stream was discarded')
  }

  /** Closes the connection, which QEMU tolerates where there are no channels. */
  discard(): void {
    this.#isDiscarded = true
    this.#sink.abandon?.()
    this.hangUp()
  }

  hangUp(): void {
    this.#socket?.destroy()
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.receivedBytes += bytes.length
    await this.#sink.append(bytes)
  }
}
