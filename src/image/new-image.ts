import { crc32c } from '../io/crc32c.ts'
import type { DirectFile } from '../io/direct-file.ts'
import { PartialFile } from '../io/partial-file.ts'
import { type DescriptionArea, buildDescriptionArea, withCookie } from './description-area.ts'
import type { Compression } from './compression.ts'
import { HEADER_LENGTH, type SaveImageHeader, serialiseHeader } from './header.ts'
import { newImageId } from './image-id.ts'
import { removeLeftovers } from './remove-image.ts'
import type { SaveFormat } from './save-format.ts'
import type { NewDescription } from './saved-machine.ts'

/** The beginning of an image. */
export interface NewImageOptions {
  readonly format: SaveFormat
  readonly description: NewDescription
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
  readonly #area: DescriptionArea
  readonly #description: NewDescription

  private constructor(
    partial: PartialFile,
    header: SaveImageHeader & { readonly id: string },
    area: DescriptionArea,
    description: NewDescription,
  ) {
    this.#partial = partial
    this.#header = header
    this.#area = area
    this.#description = description
    this.id = header.id
    this.bodyOffset = HEADER_LENGTH + header.dataLength
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: NewImageOptions): Promise<NewImage> {
    const { description } = options
    const area = buildDescriptionArea(description)
    const header = {
      complete: false,
      dataLength: area.dataLength,
      wasRunning: description.wasRunning,
      format: options.format,
      cookieOffset: area.cookieOffset,
      id: description.id ?? newImageId(),
      ...(options.extension !== undefined && {
        extension: { ...options.extension, fileLength: 0, areaCrc: crc32c(area.bytes) },
      }),
    }
    // Dead writers of any format, which may have left channel files.
    await removeLeftovers(path, false)
    const partial = await PartialFile.create(path, options)
    try {
      await partial.file.write(Buffer.concat([serialiseHeader(header), area.bytes]), 0)
      return new NewImage(partial, header, area, description)
    } catch (error) {
      await partial[Symbol.asyncDispose]()
      throw error
    }
  }

  get file(): DirectFile {
    return this.#partial.file
  }

  /**
   * Sets the length, writes the final cookie, makes all this durable, makes the header final, then renames the file.
   * @throws StorageError, and errors of `finalCookie`
   */
  async publish(fileLength: number): Promise<void> {
    await this.file.truncate(fileLength)
    const area = await this.#finalArea()
    if (area !== this.#area) await this.file.write(area.bytes, HEADER_LENGTH)
    await this.file.sync()
    const { extension } = this.#header
    const header = { ...this.#header, complete: true, cookieOffset: area.cookieOffset }
    const areaCrc = extension === undefined ? 0 : crc32c(area.bytes)
    await this.file.write(
      serialiseHeader(
        extension === undefined
          ? header
          : { ...header, extension: { ...extension, fileLength, areaCrc } },
      ),
      0,
    )
    await this.#partial.publish()
  }

  async #finalArea(): Promise<DescriptionArea> {
    const { xml, finalCookie } = this.#description
    if (finalCookie === undefined) return this.#area
    return withCookie(this.#area, xml, await finalCookie()) ?? this.#area
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#partial[Symbol.asyncDispose]()
  }
}
