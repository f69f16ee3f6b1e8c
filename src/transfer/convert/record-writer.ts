import { NewStreamImage } from '../../image/new-stream-image.ts'
import type { StreamFormat } from '../../image/save-format.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import {
  incomingDevices,
  incomingHead,
  ramEnd,
  ramPages,
  ramZeros,
} from '../../wire/incoming-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { PageBitmap } from '../page-bitmap.ts'
import { contentPages } from './content-pages.ts'
import type { MachineWriter, MachineStart } from './machine-writer.ts'
import type { WriterOptions } from './writer-options.ts'
import { Semaphore } from '../../io/pool.ts'

/** Zero pages in one part. */
const ZEROS_AT_ONCE = 65536

/** Writes QEMU's stream as QEMU itself would, plain or compressed. Its pages are in the order in which they are added. */
export class RecordWriter implements MachineWriter {
  readonly #image: NewStreamImage
  readonly #oneAtATime = new Semaphore(1)
  #start: MachineStart = { head: new Uint8Array(0), ramSection: 0, blocks: [] }
  #written: readonly PageBitmap[] = []

  private constructor(image: NewStreamImage) {
    this.#image = image
  }

  /** @throws StorageError, UsageError */
  static async create(
    path: string,
    format: StreamFormat,
    options: WriterOptions,
  ): Promise<RecordWriter> {
    const { compressionLevel } = options
    const level = compressionLevel === 'adaptive' ? undefined : compressionLevel
    return new RecordWriter(await NewStreamImage.create(path, { ...options, format, level }))
  }

  get fileBytes(): number {
    return this.#image.fileBytes
  }

  async begin(start: MachineStart): Promise<void> {
    this.#start = start
    this.#written = start.blocks.map(({ length }) => new PageBitmap(length / PAGE_SIZE))
    await this.#append(incomingHead(start, start.blocks))
  }

  async add(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    const { ramSection, blocks } = this.#start
    const name = blocks[block]?.name ?? ''
    for (const pages of contentPages(firstPage, bytes)) {
      this.#written[block]?.mark(pages.firstPage, pages.pageCount)
      await this.#append(ramPages(ramSection, name, pages.firstPage, pages.bytes))
    }
  }

  async publish(state: DeviceState): Promise<number> {
    const { ramSection, blocks } = this.#start
    for (const [block, { name }] of blocks.entries()) {
      for (const { firstPage, pageCount } of this.#written[block]?.gaps(ZEROS_AT_ONCE) ?? [])
        await this.#append(ramZeros(ramSection, name, firstPage, pageCount))
    }
    await this.#append(ramEnd(ramSection))
    await this.#append(incomingDevices(state))
    return this.#image.publish()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#image[Symbol.asyncDispose]()
  }

  #append(bytes: Uint8Array): Promise<void> {
    return this.#oneAtATime.take(() => this.#image.stream.append(bytes))
  }
}
