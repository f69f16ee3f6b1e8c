import { CancelledError } from '../../errors.ts'
import type { SingleStream } from '../../image/saved-machine.ts'
import { IncomingConnection } from '../incoming-connection.ts'
import type { ImageSender, StreamSenderOptions } from './image-sender.ts'
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
    let lost: unknown
    for await (const bytes of this.#stream.open(count)) {
      if (lost !== undefined) continue
      await connection.write(bytes).catch((error: unknown) => {
        // Without QEMU it reads on to the end, which shows whether the image was the cause.
        if (error instanceof CancelledError || this.#stream.checked !== true) throw error
        lost = error
      })
    }
    if (lost !== undefined) throw lost
    await connection.end()
  }

  progress(): TransferProgress {
    return {
      transferredBytes: this.#connection?.sentBytes ?? 0,
      // The amount of memory in the stream is unknown, so the progress in the file stands for it.
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
