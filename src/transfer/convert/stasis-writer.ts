import { availableParallelism } from 'node:os'
import { CODECS, type Codec } from '../../io/codecs/codec-table.ts'
import type { PoolCompressor } from '../../io/codecs/codec.ts'
import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import { MOST_DIGESTED_BYTES, writePageDigests } from '../../image/stasis/page-digest-file.ts'
import { StasisWriter } from '../../image/stasis/writer.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { WORTH_COMPRESSING, splitByCompressibility } from '../compression/compressibility.ts'
import { type LevelChooser, chooseLevel } from '../compression/compression-level.ts'
import { Differences } from './differences.ts'
import { contentPages } from './content-pages.ts'
import {
  MAX_ADD_LENGTH,
  type MachineStart,
  type MachineWriter,
  type PageSource,
} from './machine-writer.ts'
import type { WriterOptions } from './writer-options.ts'
import { Pool } from '../../io/pool.ts'

/** A compressor with memory for its output. */
interface Compressor {
  readonly compressor: PoolCompressor
  readonly memory: Uint8Array
}

/** A compressed frame spans this many zero pages: they cost next to nothing there. */
const BRIDGE_PAGES = 8

function makeCompressors(codec: Codec): readonly Compressor[] {
  return Array.from({ length: availableParallelism() + 1 }, () => ({
    compressor: CODECS[codec].makePoolCompressor(),
    memory: new Uint8Array(MAX_ADD_LENGTH),
  }))
}

/** Writes a `stasis` container. */
export class StasisMachineWriter implements MachineWriter {
  readonly #path: string
  readonly #writer: StasisWriter
  readonly #pageDigests: WriterOptions['pageDigests']
  #differences: Differences | undefined
  readonly #codec: FrameCodec
  readonly #level: LevelChooser | undefined
  readonly #compressors: Pool<Compressor>

  private constructor(path: string, writer: StasisWriter, options: WriterOptions) {
    this.#path = path
    this.#writer = writer
    this.#pageDigests = options.pageDigests
    const { codec } = options
    this.#codec = codec
    this.#level = codec === 'none' ? undefined : chooseLevel(codec, options.compressionLevel)
    this.#compressors = new Pool(codec === 'none' ? [] : makeCompressors(codec))
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: WriterOptions): Promise<StasisMachineWriter> {
    const base = options.pageDigests?.base
    const writer = await StasisWriter.create(path, { ...options, channels: 0, base })
    return new StasisMachineWriter(path, writer, options)
  }

  get fileBytes(): number {
    return this.#writer.fileBytes
  }

  async begin({ blocks }: MachineStart): Promise<void> {
    this.#writer.setBlocks(blocks)
    const bytes = blocks.reduce((sum, { length }) => sum + length, 0)
    if (this.#pageDigests !== undefined && bytes <= MOST_DIGESTED_BYTES)
      this.#differences = new Differences(blocks, this.#pageDigests.base)
    await Promise.resolve()
  }

  async add(
    block: number,
    firstPage: number,
    bytes: Uint8Array,
    source?: PageSource,
  ): Promise<void> {
    const compared = await this.#differences?.divide(block, firstPage, bytes, source !== undefined)
    if (compared?.some(({ isInBase }) => isInBase) !== true)
      return this.#addAll(block, firstPage, bytes, source)
    for (const { firstPage: first, bytes: some, isInBase } of compared) {
      const pageCount = some.length / PAGE_SIZE
      if (isInBase) this.#writer.addInBase({ block, firstPage: first, pageCount }, some)
      else await this.#addAll(block, first, some)
    }
  }

  async #addAll(
    block: number,
    firstPage: number,
    bytes: Uint8Array,
    source?: PageSource,
  ): Promise<void> {
    const plain = this.#codec === 'none'
    const shared =
      source !== undefined && plain && this.#writer.share(block, firstPage, bytes.length, source)
    for (const pages of contentPages(firstPage, bytes, plain ? 1 : BRIDGE_PAGES)) {
      const { firstPage: first, pageCount } = pages
      if (shared)
        this.#writer.addShared({ block, firstPage: first, pageCount, codec: 'none' }, pages.bytes)
      else if (plain) await this.#store(block, first, pages.bytes)
      else await this.#compressPages(block, first, pages.bytes)
    }
  }

  async publish(state: DeviceState): Promise<number> {
    const length = await this.#writer.publish(state)
    const { imageId } = this.#writer
    const digests = this.#differences?.digests
    // Without them the next image is only longer.
    if (digests !== undefined)
      await writePageDigests(this.#path, { imageId, digests }).catch(() => undefined)
    return length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { compressor } of await this.#compressors.takeAll()) compressor[Symbol.dispose]()
    await this.#writer[Symbol.asyncDispose]()
  }

  async #compressPages(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    for (const { firstPage: page, pageCount, compressible } of splitByCompressibility(bytes)) {
      const content = bytes.subarray(page * PAGE_SIZE, (page + pageCount) * PAGE_SIZE)
      const first = firstPage + page
      const isCompressed =
        compressible &&
        (await this.#compressors.use((compressor) =>
          this.#compress(compressor, block, first, content),
        ))
      if (!isCompressed) await this.#store(block, first, content)
    }
  }

  /** Writes pages compressed, unless that is not worthwhile. */
  async #compress(
    worker: Compressor,
    block: number,
    firstPage: number,
    bytes: Uint8Array,
  ): Promise<boolean> {
    const { compressor, memory } = worker
    const target = memory.subarray(0, Math.floor(bytes.length * WORTH_COMPRESSING))
    const level = this.#level?.next(this.#writer.diskIsBusy)
    if (level === undefined) return false
    const length = await compressor.compress(bytes, target, level)
    if (length === undefined) return false
    const frame = { block, firstPage, pageCount: bytes.length / PAGE_SIZE, codec: this.#codec }
    await this.#writer.add(frame, target.subarray(0, length))
    return true
  }

  #store(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    const pageCount = bytes.length / PAGE_SIZE
    return this.#writer.add({ block, firstPage, pageCount, codec: 'none' }, bytes)
  }
}
