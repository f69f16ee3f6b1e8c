import { stat } from 'node:fs/promises'
import { channelPath } from '../../image/channels/channel-path.ts'
import { ChannelsWriter } from '../../image/channels/writer.ts'
import type {
  SavedImage,
  ImageReceiver,
  ImageReceiverOptions,
  TransferProgress,
} from '../image-receiver.ts'
import { StreamReceiver } from '../receive/stream-receiver.ts'

/** Receives a machine over multifd channels into the `channels` layout, compressed by QEMU. @throws StorageError, UsageError */
export async function openChannelsReceiver(options: ImageReceiverOptions): Promise<ImageReceiver> {
  const writer = await ChannelsWriter.create(options.path, {
    ...options,
    compression: options.multifdCompression,
  })
  try {
    const main = { file: writer.main, start: writer.mainOffset }
    const channels = writer.channels.map((file) => ({ file, start: 0 }))
    return new ChannelsReceiver(options, writer, new StreamReceiver(options, main, channels))
  } catch (error) {
    await writer[Symbol.asyncDispose]()
    throw error
  }
}

class ChannelsReceiver implements ImageReceiver {
  readonly multifd: ImageReceiver['multifd']
  readonly #path: string
  readonly #writer: ChannelsWriter
  readonly #receiver: StreamReceiver

  constructor(options: ImageReceiverOptions, writer: ChannelsWriter, receiver: StreamReceiver) {
    this.#path = options.path
    this.multifd = { channels: options.channels, compression: options.multifdCompression }
    this.#writer = writer
    this.#receiver = receiver
  }

  get uri(): string {
    return this.#receiver.uri
  }

  get received(): Promise<void> {
    return this.#receiver.received
  }

  progress(): TransferProgress {
    const { mainBytes, channelBytes, fileBytes } = this.#receiver.progress()
    return {
      transferredBytes: channelBytes.reduce((sum, bytes) => sum + bytes, mainBytes),
      ramBytes: 0,
      ramTotalBytes: 0,
      fileBytes,
      channelBytes,
    }
  }

  async publish(): Promise<SavedImage> {
    const { main, channels } = this.#receiver
    const entries = channels.map(({ bytesRead, crc, headCrc }) => ({
      length: bytesRead,
      crc,
      headCrc,
    }))
    const mainFileLength = await this.#writer.publish({
      mainLength: main.bytesRead,
      mainCrc: main.crc,
      channels: entries,
    })
    const paths = [this.#path, ...entries.map((_, channel) => channelPath(this.#path, channel))]
    const facts = await Promise.all(paths.map((path) => stat(path)))
    return {
      path: this.#path,
      format: 'channels',
      fileBytes: entries.reduce((sum, { length }) => sum + length, mainFileLength),
      allocatedBytes: facts.reduce((sum, { blocks }) => sum + blocks * 512, 0),
      ramBytes: 0,
      zeroBytes: 0,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]()
    await this.#writer[Symbol.asyncDispose]()
  }
}
