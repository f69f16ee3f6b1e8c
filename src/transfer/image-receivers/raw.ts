import { stat } from 'node:fs/promises'
import { NewImage } from '../../image/new-image.ts'
import type {
  SavedImage,
  ImageReceiver,
  ImageReceiverOptions,
  TransferProgress,
} from '../image-receiver.ts'
import { StreamReceiver } from '../receive/stream-receiver.ts'

/** Receives a machine over one connection into libvirt's `raw` format. @throws StorageError, UsageError */
export async function openRawReceiver(options: ImageReceiverOptions): Promise<ImageReceiver> {
  const { description, direct } = options
  const image = await NewImage.create(options.path, { format: 'raw', description, direct })
  try {
    const place = { file: image.file, start: image.bodyOffset }
    return new RawReceiver(options.path, image, new StreamReceiver(options, place, []))
  } catch (error) {
    await image[Symbol.asyncDispose]()
    throw error
  }
}

class RawReceiver implements ImageReceiver {
  readonly multifd: ImageReceiver['multifd'] = { channels: 0, compression: 'none' }
  readonly #path: string
  readonly #image: NewImage
  readonly #receiver: StreamReceiver

  constructor(path: string, image: NewImage, receiver: StreamReceiver) {
    this.#path = path
    this.#image = image
    this.#receiver = receiver
  }

  get uri(): string {
    return this.#receiver.uri
  }

  get received(): Promise<void> {
    return this.#receiver.received
  }

  progress(): TransferProgress {
    const { mainBytes, fileBytes } = this.#receiver.progress()
    return {
      transferredBytes: mainBytes,
      ramBytes: 0,
      ramTotalBytes: 0,
      fileBytes,
      channelBytes: [],
    }
  }

  async publish(): Promise<SavedImage> {
    const fileBytes = this.#image.bodyOffset + this.#receiver.main.bytesRead
    await this.#image.publish(fileBytes)
    return {
      path: this.#path,
      format: 'raw',
      fileBytes,
      allocatedBytes: (await stat(this.#path)).blocks * 512,
      ramBytes: 0,
      zeroBytes: 0,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]()
    await this.#image[Symbol.asyncDispose]()
  }
}
