import { ImageError, throwIfCancelled } from '../../errors.ts'
import { ByteSource } from '../../image/byte-source.ts'
import { imageDamaged, imageTruncated } from '../../image/image-fault.ts'
import type { ChannelStreams } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import {
  MULTIFD_HEADER_LENGTH,
  MULTIFD_INIT_LENGTH,
  MULTIFD_PACKET_LENGTH,
  MULTIFD_PACKET_PAGES,
  type MultifdHeader,
  parseMultifdHeader,
  parseMultifdInit,
  readPageNumbers,
} from '../../wire/multifd-packet.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { WireError } from '../../wire/wire-error.ts'
import { BoundaryPages } from '../boundary-pages.ts'
import type { MachineWriter } from './machine-writer.ts'
import { MAX_PUT_LENGTH, PageBatches } from './page-batches.ts'
import type { CopyOptions } from './copy-options.ts'
import { Inflater } from './inflater.ts'

/**
 * Parses a main stream and its multifd channels, all at the same time, and passes their pages to a writer.
 * @throws WireError, ImageError, StorageError, CancelledError
 */
export async function copyChannels(
  path: string,
  channels: ChannelStreams,
  sink: MachineWriter,
  options: CopyOptions,
): Promise<DeviceState> {
  const batches = new PageBatches(path, sink)
  const announced = Promise.withResolvers<void>()
  announced.promise.catch(() => undefined)
  const parser = new MainStreamParser({
    blocks: (blocks) => {
      batches.begin({ ...parser.start, blocks: [...blocks] })
      announced.resolve()
    },
    // Those pages may already have arrived on a channel: QEMU's packets overtake its main stream, and a page is in one of the two.
    zeroPages: () => undefined,
    page: (block, page, bytes) => batches.put(block, page, bytes),
  })
  const readMain = async (): Promise<DeviceState> => {
    try {
      for await (const piece of channels.open('main')) {
        throwIfCancelled(`read ${path}`, options.signal)
        for (let at = 0; at < piece.length; at += MAX_PUT_LENGTH) {
          await batches.room()
          parser.feed(piece.subarray(at, at + MAX_PUT_LENGTH))
        }
        options.onRead(piece.length)
      }
      return parser.finish()
    } finally {
      announced.reject(new WireError('truncated', 'the main stream ends before its RAM blocks', 0))
    }
  }
  const boundaries = new BoundaryPages()
  const readChannel = async (channel: number): Promise<void> => {
    await announced.promise
    await new ChannelReader(path, channels, channel, batches, boundaries).read(options)
  }
  try {
    const main = readMain()
    const others = Array.from({ length: channels.count }, (_, channel) => readChannel(channel))
    const results = await Promise.allSettled([main, ...others])
    const faults = results.flatMap((result): unknown[] =>
      result.status === 'rejected' ? [result.reason] : [],
    )
    if (faults.length > 0) throw faults.find((fault) => fault instanceof ImageError) ?? faults[0]
    await batches.drain()
    return await main
  } finally {
    await batches.idle()
  }
}

class ChannelReader {
  readonly #path: string
  readonly #channels: ChannelStreams
  readonly #channel: number
  readonly #batches: PageBatches
  readonly #boundaries: BoundaryPages
  readonly #head: Buffer = Buffer.alloc(MULTIFD_PACKET_LENGTH)
  readonly #pages: Buffer = Buffer.alloc(MULTIFD_PACKET_PAGES * PAGE_SIZE)

  constructor(
    path: string,
    channels: ChannelStreams,
    channel: number,
    batches: PageBatches,
    boundaries: BoundaryPages,
  ) {
    this.#path = path
    this.#channels = channels
    this.#channel = channel
    this.#batches = batches
    this.#boundaries = boundaries
  }

  async read(options: CopyOptions): Promise<void> {
    const { compression } = this.#channels
    await using source = new ByteSource(this.#channels.open(this.#channel))
    using inflater = compression === 'none' ? undefined : new Inflater(compression)
    const init = this.#head.subarray(0, MULTIFD_INIT_LENGTH)
    if ((await source.fill(init)) < init.length) throw this.#cut(source)
    parseMultifdInit(init)
    for (let before = 0; ; before = source.taken) {
      throwIfCancelled(`read ${this.#path}`, options.signal)
      options.onRead(source.taken - before)
      const found = await source.fill(this.#head)
      if (found === 0) return
      if (found < MULTIFD_PACKET_LENGTH) throw this.#cut(source)
      const header = parseMultifdHeader(this.#head, compression)
      if (header.normalPages === 0) continue
      await this.#readPages(source, header, inflater)
      await this.#batches.room()
      this.#put(header)
    }
  }

  async #readPages(
    source: ByteSource,
    { normalPages, dataLength }: MultifdHeader,
    inflater: Inflater | undefined,
  ): Promise<void> {
    const pages = this.#pages.subarray(0, normalPages * PAGE_SIZE)
    if (inflater === undefined) {
      if ((await source.fill(pages)) < pages.length) throw this.#cut(source)
      return
    }
    const stored = Buffer.allocUnsafe(dataLength)
    if ((await source.fill(stored)) < dataLength) throw this.#cut(source)
    await inflater.next(stored, pages).catch((cause: unknown) => {
      const what = `channel ${this.#channel + 1} cannot be decompressed`
      throw imageDamaged(this.#path, what, { cause })
    })
  }

  /** The pages of a packet may be in any order. */
  #put(header: MultifdHeader): void {
    const block = this.#batches.blocks.findIndex(({ name }) => name === header.block)
    const pageCount = (this.#batches.blocks[block]?.length ?? 0) / PAGE_SIZE
    const table = this.#head.subarray(MULTIFD_HEADER_LENGTH)
    const numbers = readPageNumbers(table, 0, header.normalPages)
    const order = numbers.map((page, at) => ({ page, at })).toSorted((a, b) => a.page - b.page)
    for (const [index, { page, at }] of order.entries()) {
      if (page >= pageCount)
        throw new WireError('corrupt', `RAM block "${header.block}" has no page ${page}`, 0)
      const bytes = this.#pages.subarray(at * PAGE_SIZE, (at + 1) * PAGE_SIZE)
      const outermost = index === 0 || index === order.length - 1
      const again = this.#batches.has(block, page)
      if (!again || !this.#boundaries.matches(block, page, bytes))
        this.#batches.put(block, page, bytes)
      if (outermost) this.#boundaries.remember(block, page, bytes)
    }
  }

  #cut(source: ByteSource): ImageError {
    const what = `channel ${this.#channel + 1} ends inside a packet, at byte ${source.taken}`
    return imageTruncated(this.#path, what)
  }
}
