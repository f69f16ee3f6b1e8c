import type { ImageError } from '../../errors.ts'
import { ByteSource } from '../../image/byte-source.ts'
import { imageDamaged, imageTruncated } from '../../image/image-fault.ts'
import type { ChannelStreams } from '../../image/saved-machine.ts'
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
import { Inflater } from './inflater.ts'

/** One packet of a multifd channel. */
export interface ChannelPacket {
  readonly header: MultifdHeader
  /** Of the normal pages, then of the zero pages. */
  readonly pageNumbers: readonly number[]
  /** The normal pages, decompressed; valid until the next packet is requested. */
  readonly pages: Uint8Array
  /** Offset in the channel's stream. */
  readonly offset: number
  /** Bytes in the stream since the packet before. */
  readonly length: number
}

/**
 * The packets of one channel of an image, `channel` from 0, which the image decompresses as QEMU compressed them.
 * @throws WireError, ImageError, StorageError
 */
export async function* channelPackets(
  path: string,
  channels: ChannelStreams,
  channel: number,
): AsyncGenerator<ChannelPacket, void, undefined> {
  const { compression } = channels
  await using source = new ByteSource(channels.open(channel))
  using inflater = compression === 'none' ? undefined : new Inflater(compression)
  const head = Buffer.alloc(MULTIFD_PACKET_LENGTH)
  const memory = Buffer.alloc(MULTIFD_PACKET_PAGES * PAGE_SIZE)
  const cut = (): ImageError => {
    const what = `channel ${channel + 1} ends inside a packet, at byte ${source.taken}`
    return imageTruncated(path, what)
  }
  const init = head.subarray(0, MULTIFD_INIT_LENGTH)
  if ((await source.fill(init)) < init.length) throw cut()
  parseMultifdInit(init)
  for (let before = 0; ;) {
    const offset = source.taken
    const found = await source.fill(head)
    if (found === 0) return
    if (found < MULTIFD_PACKET_LENGTH) throw cut()
    const header = parseMultifdHeader(head, compression)
    const pages = memory.subarray(0, header.normalPages * PAGE_SIZE)
    const table = head.subarray(MULTIFD_HEADER_LENGTH)
    const pageNumbers = readPageNumbers(table, 0, header.normalPages + header.zeroPages)
    if (header.normalPages > 0 && inflater === undefined) {
      if ((await source.fill(pages)) < pages.length) throw cut()
    } else if (inflater !== undefined && header.normalPages > 0) {
      const stored = Buffer.allocUnsafe(header.dataLength)
      if ((await source.fill(stored)) < stored.length) throw cut()
      await inflater.next(stored, pages).catch((cause: unknown) => {
        throw imageDamaged(path, `channel ${channel + 1} cannot be decompressed`, { cause })
      })
    }
    yield { header, pageNumbers, pages, offset, length: source.taken - before }
    before = source.taken
  }
}
