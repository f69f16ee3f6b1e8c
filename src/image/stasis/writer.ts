import { crc32c } from '../../io/crc32c.ts'
import { InternalError } from '../../errors.ts'
import { alignUp, isDirectMemory } from '../../io/memory/aligned-memory.ts'
import { storageError } from '../../io/storage-error.ts'
import { cloneRange } from '../../io/system-calls.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { imageIdBytes } from '../image-id.ts'
import { NewImage } from '../new-image.ts'
import type { NewDescription, PageRange, RamBlock } from '../saved-machine.ts'
import type { BaseReference } from './base-reference.ts'
import { FOOTER_LENGTH, serialiseFooter } from './footer.ts'
import type { FrameCodec } from './frame-codec.ts'
import { FrameTable } from './frame-table.ts'
import {
  FRAME_ALIGNMENT,
  LINEAR_ALIGNMENT,
  PART_ALIGNMENT,
  filePart,
  serialiseIndex,
} from './layout.ts'
import { LinearWriter } from './linear-writer.ts'
import { FrameLog } from './log.ts'

/** Pages that reach this length are written from where they are; a copy joins shorter ones to long writes. */
const MIN_UNCOPIED = 64 * 1024

/** Shorter pieces are written: to share one takes the file system as long as to write it. */
const MIN_SHARED = 64 * 1024

/** The place of pages in another file, uncompressed. */
export interface FrameSource {
  readonly fd: number
  readonly offset: number
}

/** The description and settings of a container. */
export interface StasisWriterOptions {
  readonly description: NewDescription
  /** Number of multifd channels that the machine was received on, for information. */
  readonly channels: number
  readonly codec: FrameCodec
  readonly direct: boolean
  /** The image that has the pages that are added with `addInBase`. */
  readonly base?: BaseReference | undefined
}

/** The pages of a frame, and how they are stored. */
export interface NewFrame extends PageRange {
  readonly codec: FrameCodec
}

/**
 * Writes a `stasis` container (docs/format/stasis.md). Uncompressed images have linear blocks: every frame is at the place of its pages. Compressed
 * ones have a log. Several callers may add frames at once; `publish()` comes last, and disposing it unpublished leaves no file.
 */
export class StasisWriter implements AsyncDisposable {
  readonly #image: NewImage
  readonly #codec: FrameCodec
  readonly #base: BaseReference | undefined
  readonly #frames = new FrameTable()
  readonly #linear: LinearWriter
  #log: FrameLog | undefined
  #blocks: readonly RamBlock[] = []
  #linearEnd = 0
  /** Whether the file system may share blocks. */
  #shares = true
  #needsBase = false
  #fileBytes = 0

  private constructor(image: NewImage, codec: FrameCodec, base: BaseReference | undefined) {
    this.#image = image
    this.#codec = codec
    this.#base = base
    this.#linear = new LinearWriter(image.file)
  }

  /** Creates the file, partial, with its description. @throws StorageError */
  static async create(path: string, options: StasisWriterOptions): Promise<StasisWriter> {
    const { description, channels, codec, direct } = options
    const extension = { channels, compression: codec }
    const image = await NewImage.create(path, { format: 'stasis', description, direct, extension })
    return new StasisWriter(image, codec, options.base)
  }

  /** The id of the image. */
  get imageId(): string {
    return this.#image.id
  }

  /** Bytes passed to the disk so far. */
  get fileBytes(): number {
    return this.#fileBytes
  }

  /** What was written past the page cache, and for how long a write was under way. */
  get directWrites(): { readonly bytes: number; readonly ms: number } {
    const { bytes, ms } = this.#image.file.directWrites
    return { bytes, ms }
  }

  /** Whether the disk is the slower side right now. */
  get diskIsBusy(): boolean {
    return this.#linear.busy || (this.#log?.full ?? false)
  }

  /** Whether a write waits for the disk. Otherwise the system's cache takes it, and how fast the disk is shows at the end. */
  get waitsForDisk(): boolean {
    return this.#image.file.direct
  }

  /** Announces the blocks, before any frame. Assigns each its place when the image is uncompressed. */
  setBlocks(blocks: readonly { readonly name: string; readonly length: number }[]): void {
    const { bodyOffset, file } = this.#image
    // What is in the base leaves holes, so nothing could be mapped.
    const linear = this.#codec === 'none' && this.#base === undefined
    let at = alignUp(bodyOffset, LINEAR_ALIGNMENT)
    this.#blocks = blocks.map(({ name, length }) => {
      const linearOffset = linear ? at : undefined
      at = alignUp(at + length, LINEAR_ALIGNMENT)
      return { name, length, linearOffset }
    })
    this.#linearEnd = linear ? at : bodyOffset
    if (!linear) this.#log = new FrameLog(file, bodyOffset)
  }

  /**
   * Shares the blocks of pages that another file has, uncompressed, with a linear image. Add each frame of them with `addShared` then. Returns `false` where
   * that is not possible.
   * @throws StorageError
   */
  share(block: number, firstPage: number, length: number, { fd, offset }: FrameSource): boolean {
    const { linearOffset } = this.#blocks[block] ?? {}
    if (!this.#shares || linearOffset === undefined || length < MIN_SHARED) return false
    const { file } = this.#image
    try {
      this.#shares = cloneRange(fd, offset, length, file.fd, linearOffset + firstPage * PAGE_SIZE)
    } catch (error) {
      throw storageError('share the blocks of the image', file.path, error)
    }
    return this.#shares
  }

  /** Adds a frame whose pages are in the file: see `share`. */
  addShared(frame: NewFrame, bytes: Uint8Array): void {
    const { linearOffset } = this.#blocks[frame.block] ?? {}
    if (linearOffset === undefined)
      throw new InternalError(`There is no linear RAM block ${frame.block}`)
    const offset = linearOffset + frame.firstPage * PAGE_SIZE
    this.#frames.append({ ...frame, offset, storedLength: bytes.length, crc: crc32c(bytes) })
  }

  /** Adds pages that are as in the base, where they are not zero. */
  addInBase(range: PageRange, bytes: Uint8Array): void {
    this.#needsBase = true
    this.#frames.appendInBase(range, crc32c(bytes))
  }

  /**
   * Adds a frame; `crc` is the crc32c of `bytes` if it is known. Settles when `bytes` may be reused: once they are written in a linear image, once
   * they are written or copied in any other.
   * @throws StorageError
   */
  async add(frame: NewFrame, bytes: Uint8Array, crc: number = crc32c(bytes)): Promise<void> {
    const placed = (offset: number): void => {
      this.#frames.append({ ...frame, offset, storedLength: bytes.length, crc })
    }
    if (this.#log === undefined) await this.#addLinear(frame, bytes, placed)
    else await this.#addToLog(this.#log, frame, bytes, placed)
    this.#fileBytes += bytes.length
  }

  /**
   * Completes the image: device state, index, footer, all durable; then the header; then the name. Returns the length of the file. @throws
   * StorageError
   */
  async publish(state: DeviceState): Promise<number> {
    const { file } = this.#image
    const headOffset = this.#log === undefined ? this.#linearEnd : await this.#log.flush()
    const head = filePart(headOffset, state.head)
    const deviceBytes = Buffer.concat([state.sections, state.tail])
    const device = filePart(alignUp(headOffset + head.length, PART_ALIGNMENT), deviceBytes)
    const index = serialiseIndex({
      head,
      device: { ...device, sectionsLength: state.sections.length },
      ramSection: state.ramSection,
      blocks: this.#blocks,
      frames: this.#frames,
      base: this.#needsBase ? this.#base : undefined,
    })
    const indexOffset = alignUp(device.offset + device.length, PART_ALIGNMENT)
    const footer = serialiseFooter({
      indexOffset,
      indexLength: index.length,
      indexCrc: crc32c(index),
      imageId: imageIdBytes(this.#image.id),
    })
    const fileLength = indexOffset + index.length + FOOTER_LENGTH
    await file.write(state.head, head.offset)
    await file.write(deviceBytes, device.offset)
    await file.write(Buffer.concat([index, footer]), indexOffset)
    await this.#image.publish(fileLength)
    return fileLength
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#log?.idle()
    await this.#linear.idle()
    await this.#image[Symbol.asyncDispose]()
  }

  async #addToLog(
    log: FrameLog,
    { codec }: NewFrame,
    bytes: Uint8Array,
    placed: (offset: number) => void,
  ): Promise<void> {
    if (codec !== 'none') return log.append(bytes, FRAME_ALIGNMENT, placed)
    if (bytes.length < MIN_UNCOPIED || !isDirectMemory(bytes))
      return log.append(bytes, PAGE_SIZE, placed)
    const offset = log.reserve(bytes.length)
    await this.#linear.write(bytes, offset)
    placed(offset)
  }

  async #addLinear(
    frame: NewFrame,
    bytes: Uint8Array,
    placed: (offset: number) => void,
  ): Promise<void> {
    const { linearOffset } = this.#blocks[frame.block] ?? {}
    if (linearOffset === undefined)
      throw new InternalError(`There is no linear RAM block ${frame.block}`)
    const offset = linearOffset + frame.firstPage * PAGE_SIZE
    await this.#linear.write(bytes, offset)
    placed(offset)
  }
}
