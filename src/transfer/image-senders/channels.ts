import { CancelledError, ImageError } from '../../errors.ts'
import type { ChannelStreams } from '../../image/saved-machine.ts'
import { IncomingConnection } from '../incoming-connection.ts'
import type { ImageSender, StreamSenderOptions } from './image-sender.ts'
import { sendPieces } from './read-on.ts'
import type { TransferProgress } from '../image-receiver.ts'

/** Sends a main stream and its multifd channels to QEMU verbatim, each on its own connection. */
export function openChannelsSender(
  channels: ChannelStreams,
  options: StreamSenderOptions,
): ImageSender {
  return new ChannelsSender(channels, options)
}

class ChannelsSender implements ImageSender {
  readonly multifd: ImageSender['multifd']
  readonly #channels: ChannelStreams
  readonly #options: StreamSenderOptions
  #connections: readonly IncomingConnection[] = []

  constructor(channels: ChannelStreams, options: StreamSenderOptions) {
    this.#channels = channels
    this.#options = options
    this.multifd = { channels: channels.count, compression: channels.compression }
  }

  async send(socketPath: string): Promise<void> {
    using opened = new DisposableStack()
    const connections: IncomingConnection[] = []
    this.#connections = connections
    // One after another, main first: QEMU before 8.0 identifies channels only by their order.
    for (let count = 0; count <= this.#channels.count; count += 1)
      connections.push(opened.use(await IncomingConnection.open(socketPath, this.#options.signal)))
    const abandon = new AbortController()
    const carryAll = connections.map(async (connection, index) => {
      try {
        await carry(
          this.#channels.open(index === 0 ? 'main' : index - 1),
          connection,
          abandon.signal,
        )
      } catch (error) {
        if (error instanceof ImageError || error instanceof CancelledError) abandon.abort()
        opened.dispose()
        throw error
      }
    })
    const faults = (await Promise.allSettled(carryAll))
      .filter((result) => result.status === 'rejected')
      .map(({ reason }): unknown => reason)
    // A fault in the image may first appear as a QEMU that closes its connection; report the cause.
    if (faults.length > 0) throw faults.find((fault) => fault instanceof ImageError) ?? faults[0]
  }

  progress(): TransferProgress {
    const [mainBytes = 0, ...channelBytes] = this.#connections.map(({ sentBytes }) => sentBytes)
    const transferredBytes = channelBytes.reduce((sum, bytes) => sum + bytes, mainBytes)
    return {
      transferredBytes,
      ramBytes: transferredBytes,
      ramTotalBytes: this.#channels.length,
      fileBytes: transferredBytes,
      channelBytes,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection[Symbol.dispose]()
    await Promise.resolve()
  }
}

async function carry(
  stream: AsyncIterable<Uint8Array>,
  connection: IncomingConnection,
  abandon: AbortSignal,
): Promise<void> {
  await sendPieces(stream, (bytes) => connection.write(bytes), {
    mayBeImage: (error) => !(error instanceof CancelledError),
    abandon,
  })
  await connection.end()
}
