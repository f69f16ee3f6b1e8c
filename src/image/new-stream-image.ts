import { FileAppender } from '../io/files/file-appender.ts'
import type { SpecialTarget } from '../io/files/special/special-target.ts'
import { FORMATS } from './format-table.ts'
import { type DigestRequest, NewImage } from './new-image.ts'
import { StreamPacker } from './packed/packer.ts'
import { PACKINGS } from './packed/packing.ts'
import { PipeImage } from './pipe-image.ts'
import type { StreamFormat } from './save-format.ts'
import type { NewDescription } from './saved-machine.ts'
import type { StreamSink } from './stream-sink.ts'

/** The format and settings of a single-stream image. */
export interface NewStreamOptions {
  readonly format: StreamFormat
  readonly description: NewDescription
  readonly direct: boolean
  readonly digest?: DigestRequest | undefined
  /** Where the image goes instead of a new file; the caller closes it. */
  readonly target?: SpecialTarget | undefined
  /** Compression level; absent: the format's own default. */
  readonly level?: number | undefined
}

/** The destination of the body, which counts its bytes. */
interface Body extends StreamSink {
  readonly length: number
}

/** The rest of an image: completes it with a body of that length, and returns the length of the whole. */
interface Rest extends AsyncDisposable {
  publish(bodyLength: number): Promise<number>
}

/** An image of one of libvirt's single-stream formats that is not complete. QEMU's stream is appended to `stream`, then the image is published. */
export class NewStreamImage implements AsyncDisposable {
  readonly stream: StreamSink
  readonly #body: Body
  readonly #rest: Rest

  private constructor(body: Body, rest: Rest, { format, level }: NewStreamOptions) {
    this.#body = body
    this.#rest = rest
    const { compression } = FORMATS[format].traits
    this.stream =
      compression.by === 'packing'
        ? new StreamPacker(body, PACKINGS[compression.packing], level)
        : body
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: NewStreamOptions): Promise<NewStreamImage> {
    const { target, format, description } = options
    if (target?.kind === 'pipe') {
      const pipe = new PipeImage(target, format, description)
      return new NewStreamImage(pipe, restOfPipe(pipe), options)
    }
    const image = await NewImage.create(path, { ...options, device: target })
    return new NewStreamImage(
      new FileAppender(image.file, image.bodyOffset),
      restOfFile(image),
      options,
    )
  }

  /** Bytes of the body so far. */
  get fileBytes(): number {
    return this.#body.length
  }

  /** Completes the image once the whole stream was appended. Returns its length. @throws StorageError, CancelledError */
  async publish(): Promise<number> {
    return this.#rest.publish(await this.stream.flush())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.abandon?.()
    await this.stream.idle()
    await this.#rest[Symbol.asyncDispose]()
  }
}

function restOfFile(image: NewImage): Rest {
  return {
    async publish(bodyLength) {
      const fileLength = image.bodyOffset + bodyLength
      await image.publish(fileLength)
      return fileLength
    },
    [Symbol.asyncDispose]: () => image[Symbol.asyncDispose](),
  }
}

function restOfPipe(pipe: PipeImage): Rest {
  return {
    publish: () => pipe.publish(),
    [Symbol.asyncDispose]: async () => undefined,
  }
}
