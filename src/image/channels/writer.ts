import { alignUp } from '../../io/memory/aligned-memory.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import type { MultifdCompression } from '../../wire/multifd-packet.ts'
import { NewImage } from '../new-image.ts'
import type { NewDescription } from '../saved-machine.ts'
import { NewChannelFiles } from './new-channel-files.ts'
import { type ChannelEntry, TABLE_ALIGNMENT, serialiseTable } from './table.ts'

/** The description and settings of a `channels` image. */
export interface ChannelsWriterOptions {
  readonly description: NewDescription
  readonly channels: number
  readonly compression: MultifdCompression
  readonly direct: boolean
}

/** The lengths and checksums of the streams written into the files of a `channels` image. */
export interface WrittenStreams {
  readonly mainLength: number
  readonly mainCrc: number
  readonly channels: readonly ChannelEntry[]
}

/**
 * Writes the `channels` layout (docs/format/channels.md). The caller writes the streams: main from `mainOffset` of `main`, each channel from 0 of its
 * file. Disposing it unpublished leaves no file.
 */
export class ChannelsWriter implements AsyncDisposable {
  readonly #image: NewImage
  readonly #channels: NewChannelFiles

  private constructor(image: NewImage, channels: NewChannelFiles) {
    this.#image = image
    this.#channels = channels
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: ChannelsWriterOptions): Promise<ChannelsWriter> {
    const { channels, compression } = options
    const image = await NewImage.create(path, {
      ...options,
      format: 'channels',
      extension: { channels, compression },
    })
    try {
      return new ChannelsWriter(image, await NewChannelFiles.create(path, channels, options.direct))
    } catch (error) {
      await image[Symbol.asyncDispose]()
      throw error
    }
  }

  get main(): DirectFile {
    return this.#image.file
  }

  get mainOffset(): number {
    return this.#image.bodyOffset
  }

  /** By number, from 0. */
  get channels(): readonly DirectFile[] {
    return this.#channels.files
  }

  /** Truncates every file to its length and completes the image. Returns the length of `FILE`. @throws StorageError */
  async publish(written: WrittenStreams): Promise<number> {
    for (const [channel, file] of this.channels.entries())
      await file.truncate(written.channels[channel]?.length ?? 0)
    await this.#channels.sync()
    const tableOffset = alignUp(this.mainOffset + written.mainLength, TABLE_ALIGNMENT)
    const table = serialiseTable({ imageId: this.#channels.imageId, ...written })
    await this.main.write(table, tableOffset)
    await this.#image.publish(tableOffset + table.length, () => this.#channels.giveFinalNames())
    return tableOffset + table.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channels[Symbol.asyncDispose]()
    await this.#image[Symbol.asyncDispose]()
  }
}
