import { FileAppender } from '../io/file-appender.ts'
import { FORMATS } from './format-table.ts'
import { type DigestRequest, NewImage } from './new-image.ts'
import { StreamPacker } from './packed/packer.ts'
import { PACKINGS } from './packed/packing.ts'
import type { StreamFormat } from './save-format.ts'
import type { NewDescription } from './saved-machine.ts'
import type { StreamSink } from './stream-sink.ts'

/** The format and settings of a single-stream image. */
export interface NewStreamOptions {
  readonly format: StreamFormat
  readonly description: NewDescription
  readonly direct: boolean
  readonly digest?: DigestRequest | undefined
  /** Compression level; absent: the format's own default. */
  readonly level?: number | undefined
}

/** An image of one of libvirt's single-stream formats that is not complete. QEMU's stream is appended to `stream`, then the image is published. */
export class NewStreamImage implements AsyncDisposable {
  readonly stream: StreamSink
  readonly #image: NewImage
  readonly #appender: FileAppender

  private constructor(image: NewImage, options: NewStreamOptions) {
    this.#image = image
    this.#appender = new FileAppender(image.file, image.bodyOffset)
    const { format, level } = options
    const { compression } = FORMATS[format].traits
    this.stream =
      compression.by === 'packing'
        ? new StreamPacker(this.#appender, PACKINGS[compression.packing], level)
        : this.#appender
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: NewStreamOptions): Promise<NewStreamImage> {
    return new NewStreamImage(await NewImage.create(path, options), options)
  }

  /** Bytes of the body so far. */
  get fileBytes(): number {
    return this.#appender.length
  }

  /** Completes the image once the whole stream was appended. Returns the length of the file. @throws StorageError */
  async publish(): Promise<number> {
    const fileLength = this.#image.bodyOffset + (await this.stream.flush())
    await this.#image.publish(fileLength)
    return fileLength
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stream.idle()
    await this.#image[Symbol.asyncDispose]()
  }
}
