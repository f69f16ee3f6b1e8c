import { ImageError, throwIfCancelled } from '../../errors.ts'
import type { ChannelStreams } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { WireError } from '../../wire/wire-error.ts'
import { BoundaryPages } from '../boundary-pages.ts'
import { type ChannelPacket, channelPackets } from './channel-packets.ts'
import type { MachineWriter } from './machine-writer.ts'
import { MAX_PUT_LENGTH, PageBatches } from './page-batches.ts'
import type { CopyOptions } from './copy-options.ts'

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
    const writer = new PacketWriter(batches, boundaries)
    try {
      await copyPackets(channel, writer)
    } catch (error) {
      const isDamage = error instanceof WireError || error instanceof ImageError
      if (options.salvage === undefined || !isDamage) throw error
    }
  }
  const copyPackets = async (channel: number, writer: PacketWriter): Promise<void> => {
    for await (const packet of channelPackets(path, channels, channel)) {
      throwIfCancelled(`read ${path}`, options.signal)
      options.onRead(packet.length)
      if (packet.header.normalPages === 0) continue
      await batches.room()
      writer.put(packet)
    }
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

/** Puts the pages of a packet, which may be in any order. */
class PacketWriter {
  readonly #batches: PageBatches
  readonly #boundaries: BoundaryPages

  constructor(batches: PageBatches, boundaries: BoundaryPages) {
    this.#batches = batches
    this.#boundaries = boundaries
  }

  put({ header, pageNumbers, pages }: ChannelPacket): void {
    const block = this.#batches.blocks.findIndex(({ name }) => name === header.block)
    const pageCount = (this.#batches.blocks[block]?.length ?? 0) / PAGE_SIZE
    const order = pageNumbers
      .slice(0, header.normalPages)
      .map((page, at) => ({ page, at }))
      .toSorted((a, b) => a.page - b.page)
    for (const [index, { page, at }] of order.entries()) {
      if (page >= pageCount)
        throw new WireError('corrupt', `RAM block "${header.block}" has no page ${page}`, 0)
      const bytes = pages.subarray(at * PAGE_SIZE, (at + 1) * PAGE_SIZE)
      const outermost = index === 0 || index === order.length - 1
      const again = this.#batches.has(block, page)
      if (!again || !this.#boundaries.matches(block, page, bytes))
        this.#batches.put(block, page, bytes)
      if (outermost) this.#boundaries.remember(block, page, bytes)
    }
  }
}
