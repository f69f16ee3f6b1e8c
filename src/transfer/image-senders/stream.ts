import { CancelledError } from '../../errors.ts'
import type { SingleStream } from '../../image/saved-machine.ts'
import { IncomingConnection } from '../incoming-connection.ts'
import type { ImageSender, StreamSenderOptions } from './image-sender.ts'
import { sendPieces } from './read-on.ts'
import type { TransferProgress } from '../image-receiver.ts'

/** Sends a single stream to QEMU verbatim. */
export function openStreamSender(stream: SingleStream, options: StreamSenderOptions): ImageSender {
  return new StreamSender(stream, options)
}

class StreamSender implements ImageSender {
  readonly multifd: ImageSender['multifd'] = { channels: 0, compression: 'none' }
  readonly #stream: SingleStream
  readonly #options: StreamSenderOptions
  #connection: IncomingConnection | undefined
  #fileBytes = 0

  constructor(stream: SingleStream, options: StreamSenderOptions) {
    this.#stream = stream
    this.#options = options
  }

  async send(socketPath: string): Promise<void> {
    using connection = await IncomingConnection.open(socketPath, this.#options.signal)
    this.#connection = connection
    const count = (bytes: number): void => {
      this.#fileBytes += bytes
    }
    const { checked } = this.#stream
    await sendPieces(this.#stream.open(count), (bytes) => connection.write(bytes), {
      mayBeImage: (error) => checked === true && !(error instanceof CancelledError),
    })
    await connection.end()
  }

  progress(): TransferProgress {
    return {
      transferredBytes: this.#connection?.sentBytes ?? 0,
      // The amount of memory in the stream is unknown, so the progress in the file takes its place.
      ramBytes: this.#fileBytes,
      ramTotalBytes: this.#stream.length,
      fileBytes: this.#fileBytes,
      channelBytes: [],
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection?.[Symbol.dispose]()
    await Promise.resolve()
  }
}
