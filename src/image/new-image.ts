import { dirname } from 'node:path'
import { crc32c } from '../io/crc32c.ts'
import type { DeviceFile } from '../io/files/special/device-file.ts'
import type { DirectFile } from '../io/files/direct-file.ts'
import { StorageError } from '../errors.ts'
import { lockDirectory } from '../io/files/locks/directory-lock.ts'
import { isThere } from '../io/files/file-names.ts'
import { placeOf } from '../io/files/file-place.ts'
import { PartialFile } from '../io/files/partial-file.ts'
import { type DescriptionArea, buildDescriptionArea, withCookie } from './description-area.ts'
import type { Compression } from './compression.ts'
import { markIncomplete } from './mark-incomplete.ts'
import { HEADER_LENGTH, type SaveImageHeader, serialiseHeader } from './header.ts'
import { ChunkCrcs } from './digest/chunk-crcs.ts'
import { digestPath } from './digest/digest-path.ts'
import { NewDigest, isDigest, removeDigest } from './digest/new-digest.ts'
import { existingImage } from './channels/existing-image.ts'
import { FORMATS } from './format-table.ts'
import { newImageId } from './image-id.ts'
import { removeChannelFiles, removeLeftovers } from './remove-image.ts'
import type { SaveFormat } from './save-format.ts'
import type { NewDescription } from './saved-machine.ts'

/** The beginning of an image. */
export interface NewImageOptions {
  readonly format: SaveFormat
  readonly description: NewDescription
  readonly direct: boolean
  /** Only in formats that have the header's extension. */
  readonly extension?: { readonly channels: number; readonly compression: Compression }
  /** Write a digest beside the image. */
  readonly digest?: DigestRequest | undefined
  /** The block device that the image is written to, instead of a new file; the caller closes it. */
  readonly device?: DeviceFile | undefined
}

/** The wish for a digest beside an image (docs/format/digest.md). */
export interface DigestRequest {
  /** Called if it cannot be written. The image is complete without it. */
  readonly onFault: (error: unknown) => void
}

/**
 * A save image that is not complete: its header and description are written, with the partial magic; the caller writes the body. Disposing it
 * unpublished leaves no file, and on a block device the partial magic.
 */
export class NewImage implements AsyncDisposable {
  /** The offset of the body, a multiple of 64 KiB. */
  readonly bodyOffset: number
  readonly id: string
  readonly #partial: PartialFile | DeviceFile
  readonly #header: SaveImageHeader
  readonly #area: DescriptionArea
  readonly #description: NewDescription
  readonly #digest: DigestRequest | undefined
  readonly #crcs = new ChunkCrcs()
  readonly #device: DeviceFile | undefined
  /** The magic on the device may be final, and the image is not published. */
  #isTooEarly = false

  private constructor(
    partial: PartialFile | DeviceFile,
    header: SaveImageHeader & { readonly id: string },
    area: DescriptionArea,
    options: NewImageOptions,
  ) {
    this.#partial = partial
    this.#header = header
    this.#area = area
    this.#description = options.description
    this.#digest = options.digest
    this.#device = options.device
    if (this.#digest !== undefined) partial.file.observeWrites(this.#crcs.observe)
    this.id = header.id
    this.bodyOffset = HEADER_LENGTH + header.dataLength
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: NewImageOptions): Promise<NewImage> {
    const { description, device } = options
    if (options.digest !== undefined) await refuseOtherFile(digestPath(await placeOf(path)))
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
    if (device !== undefined) {
      checkFits(device, HEADER_LENGTH + header.dataLength)
      const image = new NewImage(device, header, area, options)
      await device.file.write(Buffer.concat([serialiseHeader(header), area.bytes]), 0)
      // An older image there must not be taken for complete once its body is overwritten.
      await device.file.sync()
      return image
    }
    // Dead writers of any format, which may have left channel files.
    await removeLeftovers(path, false)
    const partial = await PartialFile.create(path, options)
    try {
      await partial.file.write(Buffer.concat([serialiseHeader(header), area.bytes]), 0)
      return new NewImage(partial, header, area, options)
    } catch (error) {
      await partial[Symbol.asyncDispose]()
      throw error
    }
  }

  get file(): DirectFile {
    return this.#partial.file
  }

  /** Tells that another process has written the body. */
  writtenByOthers(): void {
    this.#crcs.forget()
  }

  /**
   * Sets the length, writes the final cookie, makes all this durable, makes the header final, then renames the file. `giveNames` then renames other files
   * of the image, and never throws; until it has, no other process changes the files of images in this directory.
   * @throws StorageError, and errors of `finalCookie`
   */
  async publish(fileLength: number, giveNames?: () => Promise<void>): Promise<void> {
    if (this.#device === undefined) await this.file.truncate(fileLength)
    const area = await this.#finalArea()
    if (area !== this.#area) await this.file.write(area.bytes, HEADER_LENGTH)
    await this.file.sync()
    const { extension } = this.#header
    this.#isTooEarly = true
    const header = {
      ...this.#header,
      complete: true,
      cookieOffset: area.cookieOffset,
      ...(extension === undefined && { imageLength: fileLength }),
    }
    const areaCrc = extension === undefined ? 0 : crc32c(area.bytes)
    await this.file.write(
      serialiseHeader(
        extension === undefined
          ? header
          : { ...header, extension: { ...extension, fileLength, areaCrc } },
      ),
      0,
    )
    await using digest = await this.#newDigest(fileLength)
    if (this.#device === undefined) await this.#replaceOlder(giveNames)
    else await this.#partial.publish()
    this.#isTooEarly = false
    if (this.#device !== undefined) return
    if (digest === undefined) await removeDigest(this.#partial.finalPath)
    else await digest.place()
  }

  async #replaceOlder(giveNames: (() => Promise<void>) | undefined): Promise<void> {
    const place = this.#partial.finalPath
    await using _lock = await lockDirectory(dirname(place))
    const older = await existingImage(place).catch(() => undefined)
    await this.#partial.publish()
    // The new channel files, if any, still have other names.
    if (older !== undefined && older !== 'damaged') await removeChannelFiles(place, older)
    await giveNames?.()
  }

  /** The digest, durable; `undefined` if none is wanted, or if it cannot be written. */
  async #newDigest(fileLength: number): Promise<NewDigest | undefined> {
    if (this.#digest === undefined) return undefined
    try {
      const { bodyOffset, id } = this
      const crcs = await this.#crcs.complete(this.file, bodyOffset, fileLength)
      const { number: format } = FORMATS[this.#header.format]
      const place = this.#partial.finalPath
      return await NewDigest.write(place, { imageId: id, format, fileLength, bodyOffset, crcs })
    } catch (error) {
      this.#digest.onFault(error)
      return undefined
    }
  }

  async #finalArea(): Promise<DescriptionArea> {
    const { xml, finalCookie } = this.#description
    if (finalCookie === undefined) return this.#area
    return withCookie(this.#area, xml, await finalCookie()) ?? this.#area
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#device === undefined) return this.#partial[Symbol.asyncDispose]()
    if (this.#isTooEarly) await markIncomplete(this.#device.file).catch(() => undefined)
  }
}

/** @throws StorageError NO_SPACE */
function checkFits({ finalPath: path, length }: DeviceFile, bodyOffset: number): void {
  if (length > bodyOffset) return
  throw new StorageError(
    'NO_SPACE',
    `${path} has ${length} bytes: the header and the description of the image alone take ${bodyOffset}`,
    { path, hint: 'Use a larger device' },
  )
}

/** @throws StorageError FILE_EXISTS when the digest of an image would replace a file of another kind */
async function refuseOtherFile(path: string): Promise<void> {
  if (!(await isThere(path)) || (await isDigest(path))) return
  throw new StorageError('FILE_EXISTS', `${path} exists and is not the digest of an image`, {
    path,
    hint: 'Save under another name, or without a digest',
  })
}
