import { NewImage } from '../../image/new-image.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { incomingDevices, incomingHead, ramEnd } from '../../wire/incoming-stream.ts'
import {
  type MappedBlock,
  bitmapLength,
  mappedStart,
  placeBlock,
  serialiseMappedBlock,
} from '../../wire/mapped-ram.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { withCapability } from '../../wire/stream-head.ts'
import { contentPages } from './content-pages.ts'
import type { MachineWriter, MachineStart } from './machine-writer.ts'
import type { WriterOptions } from './writer-options.ts'

/** Length of the end of the first RAM section; in this format it follows the pages. */
const PART_END_LENGTH = 13

/** Writes libvirt's `sparse` format in QEMU's own layout (docs/format/sparse.md). */
export class SparseMachineWriter implements MachineWriter {
  readonly #image: NewImage
  #blocks: readonly MappedBlock[] = []
  #bitmaps: readonly Buffer[] = []
  #partEnd: Uint8Array = new Uint8Array(0)
  #end = 0
  #fileBytes = 0

  private constructor(image: NewImage) {
    this.#image = image
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: WriterOptions): Promise<SparseMachineWriter> {
    return new SparseMachineWriter(await NewImage.create(path, { ...options, format: 'sparse' }))
  }

  get fileBytes(): number {
    return this.#fileBytes
  }

  async begin(start: MachineStart): Promise<void> {
    const { file, bodyOffset } = this.#image
    const head = withCapability(start.head, 'mapped-ram')
    const total = start.blocks.reduce((sum, { length }) => sum + length, 0)
    const front = Buffer.concat([head, mappedStart(start.ramSection, total)])
    await file.write(front, bodyOffset)
    let at = bodyOffset + front.length
    const blocks: MappedBlock[] = []
    for (const { name, length } of start.blocks) {
      const block = placeBlock(name, length, at)
      await file.write(serialiseMappedBlock(block), at)
      blocks.push(block)
      at = block.pagesOffset + length
    }
    this.#blocks = blocks
    this.#bitmaps = blocks.map(({ length }) => Buffer.alloc(bitmapLength(length)))
    this.#partEnd = incomingHead(start, start.blocks).subarray(-PART_END_LENGTH)
    this.#end = at
  }

  async add(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    const { pagesOffset } = this.#blocks[block] as MappedBlock
    const bitmap = this.#bitmaps[block] as Buffer
    for (const pages of contentPages(firstPage, bytes)) {
      const first = pages.firstPage
      for (let page = first; page < first + pages.pageCount; page += 1)
        bitmap[page >>> 3] = (bitmap[page >>> 3] as number) | (1 << (page & 7))
      await this.#image.file.write(pages.bytes, pagesOffset + first * PAGE_SIZE)
      this.#fileBytes += pages.bytes.length
    }
  }

  async publish(state: DeviceState): Promise<number> {
    const { file } = this.#image
    for (const [index, { bitmapOffset }] of this.#blocks.entries())
      await file.write(this.#bitmaps[index] as Buffer, bitmapOffset)
    const tail = Buffer.concat([this.#partEnd, ramEnd(state.ramSection), incomingDevices(state)])
    await file.write(tail, this.#end)
    await this.#image.publish(this.#end + tail.length)
    return this.#end + tail.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#image[Symbol.asyncDispose]()
  }
}
