import { crc32c } from '../io/crc32c.ts'
import type { DirectFile } from '../io/direct-file.ts'
import { PartialFile } from '../io/partial-file.ts'
import { buildDescriptionArea } from './description-area.ts'
import type { Compression } from './compression.ts'
import { HEADER_LENGTH, type SaveImageHeader, serialiseHeader } from './header.ts'
import { newImageId } from './image-id.ts'
import type { SaveFormat } from './save-format.ts'
import type { MachineDescription } from './saved-machine.ts'

/** The beginning of an image. */
export interface NewImageOptions {
  readonly format: SaveFormat
  readonly description: MachineDescription
  readonly direct: boolean
  /** Only in formats that have the header's extension. */
  readonly extension?: { readonly channels: number; readonly compression: Compression }
}

/**
 * A save image that is not complete: its header and description are written, with the partial magic; the caller writes the body. Disposing it
 * unpublished leaves no file.
 */
export class NewImage implements AsyncDisposable {
  /** The offset of the body, a multiple of 64 KiB. */
  readonly bodyOffset: number
  readonly id: string
  readonly #partial: PartialFile
  readonly #header: SaveImageHeader

  private constructor(partial: PartialFile, header: SaveImageHeader, id: string) {
    this.#partial = partial
    this.#header = header
    this.id = id
    this.bodyOffset = HEADER_LENGTH + header.dataLength
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: NewImageOptions): Promise<NewImage> {
    const area = buildDescriptionArea(options.description)
    const id = options.description.id ?? newImageId()
    const header: SaveImageHeader = {
      complete: false,
      dataLength: area.dataLength,
      wasRunning: options.description.wasRunning,
      format: options.format,
      cookieOffset: area.cookieOffset,
      id,
      ...(options.extension !== undefined && {
        extension: { ...options.extension, fileLength: 0, areaCrc: crc32c(area.bytes) },
      }),
    }
    const partial = await PartialFile.create(path, options)
    try {
      await partial.file.write(Buffer.concat([serialiseHeader(header), area.bytes]), 0)
      return new NewImage(partial, header, id)
    } catch (error) {
      await partial[Symbol.asyncDispose]()
      throw error
    }
  }

  get file(): DirectFile {
    return this.#partial.file
  }

  /** Sets the length, makes the data durable, makes the header final, then renames the file. @throws StorageError */
  async publish(fileLength: number): Promise<void> {
    await this.file.truncate(fileLength)
    await this.file.sync()
    const { extension } = this.#header
    const header = { ...this.#header, complete: true }
    await this.file.write(
      serialiseHeader(
        extension === undefined ? header : { ...header, extension: { ...extension, fileLength } },
      ),
      0,
    )
    await this.#partial.publish()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#partial[Symbol.asyncDispose]()
  }
}
