import { Socket } from 'node:net'
import { InternalError } from '../../errors.ts'
import { NewStreamImage } from '../../image/new-stream-image.ts'
import type { Packing } from '../../image/save-format.ts'
import type { StreamSink } from '../../image/stream-sink.ts'
import type { ImageReceiver, ImageReceiverOptions } from '../image-receiver.ts'
import type { Connections } from '../receive/accept-connections.ts'
import type { ConnectionReceiver } from '../receive/qemu-listener.ts'
import { openOpaqueReceiver } from './opaque.ts'

/** Receives a machine over one connection into a compressed format of libvirt, on all processors. @throws StorageError, UsageError */
export function openPackedReceiver(
  packing: Packing,
): (options: ImageReceiverOptions) => Promise<ImageReceiver> {
  return async (options) => {
    const { compressionLevel } = options
    const image = await NewStreamImage.create(options.path, {
      ...options,
      format: packing,
      level: compressionLevel === 'adaptive' ? undefined : compressionLevel,
    })
    const receiver = new StreamToSink(image.stream)
    return openOpaqueReceiver(options, {
      format: packing,
      multifd: { channels: 0, compression: 'none' },
      receiver,
      progress: () => ({
        transferredBytes: receiver.receivedBytes,
        fileBytes: image.fileBytes,
        channelBytes: [],
      }),
      publish: () => image.publish(),
      image,
    })
  }
}

/** Appends the data of one connection to a sink. */
class StreamToSink implements ConnectionReceiver {
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
