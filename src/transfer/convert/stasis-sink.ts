import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { constants, deflate, zstdCompress } from 'node:zlib'
import { type DeviceState, PAGE_SIZE } from '../../image/saved-machine.ts'
import { StasisWriter } from '../../image/stasis/writer.ts'
import { splitByCompressibility } from '../compressibility.ts'
import { type LevelChooser, chooseLevel } from '../compression-level.ts'
import { contentRuns } from './content-runs.ts'
import type { MachineSink, MachineStart } from './machine-sink.ts'
import type { SinkOptions } from './sink-options.ts'
import { Turns } from './turns.ts'

const zstdAsync = promisify(zstdCompress)
const zlibAsync = promisify(deflate)

/** A frame that does not shrink below this share of its pages is stored as it is. */
const WORTH_COMPRESSING = 0.97

/** Zero pages that a compressed frame goes on over: they cost next to nothing there. */
const BRIDGE_PAGES = 8

/** Writes a `stasis` container. */
export class StasisSink implements MachineSink {
  readonly #writer: StasisWriter
  readonly #codec: 'none' | 'zlib' | 'zstd'
  readonly #level: LevelChooser
  readonly #turns = new Turns(availableParallelism() + 1)

  private constructor(writer: StasisWriter, options: SinkOptions) {
    this.#writer = writer
    this.#codec = options.compression
    this.#level = chooseLevel(options.compression, options.compressionLevel)
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: SinkOptions): Promise<StasisSink> {
    return new StasisSink(await StasisWriter.create(path, { ...options, channels: 0 }), options)
  }

  get fileBytes(): number {
    return this.#writer.fileBytes
  }

  async begin({ blocks }: MachineStart): Promise<void> {
    this.#writer.setBlocks(blocks)
    await Promise.resolve()
  }

  async add(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    const plain = this.#codec === 'none'
    for (const { start, end } of contentRuns(bytes, plain ? 1 : BRIDGE_PAGES)) {
      const content = bytes.subarray(start, end)
      const first = firstPage + start / PAGE_SIZE
      if (plain) await this.#store(block, first, content)
      else await this.#compressRun(block, first, content)
    }
  }

  publish(state: DeviceState): Promise<number> {
    return this.#writer.publish(state)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]()
  }

  async #compressRun(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    for (const run of splitByCompressibility(bytes)) {
      const from = run.firstPage * PAGE_SIZE
      const content = bytes.subarray(from, from + run.pageCount * PAGE_SIZE)
      const first = firstPage + run.firstPage
      const stored = run.compressible
        ? await this.#turns.take(() => this.#compress(content))
        : content
      if (!run.compressible || stored.length > content.length * WORTH_COMPRESSING)
        await this.#store(block, first, content)
      else
        await this.#writer.add(
          { block, firstPage: first, pageCount: run.pageCount, codec: this.#codec },
          stored,
        )
    }
  }

  #store(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    const pageCount = bytes.length / PAGE_SIZE
    return this.#writer.add({ block, firstPage, pageCount, codec: 'none' }, bytes)
  }

  #compress(bytes: Uint8Array): Promise<Uint8Array> {
    const level = this.#level.next(this.#writer.diskIsBusy)
    // One chunk for the whole result: joining small ones costs a fifth of the time.
    const chunkSize = bytes.length + 1024
    const input = bytes as Uint8Array<ArrayBuffer>
    if (this.#codec === 'zlib') return zlibAsync(input, { level, chunkSize })
    return zstdAsync(input, { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: level } })
  }
}
