import { crc32c } from '../../io/crc32c.ts'
import { ChannelsWriter } from '../../image/channels/writer.ts'
import { CHANNEL_HEAD_LENGTH, type ChannelEntry } from '../../image/channels/table.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import { FileAppender } from '../../io/files/file-appender.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { incomingDevices, incomingHead, ramEnd, ramZeros } from '../../wire/incoming-stream.ts'
import {
  MULTIFD_PACKET_PAGES,
  serialiseMultifdInit,
  serialiseMultifdPacket,
} from '../../wire/multifd-packet.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { flushesEachSection } from '../../wire/stream-head.ts'
import { PageBitmap } from '../page-bitmap.ts'
import { contentPages } from './content-pages.ts'
import type { MachineWriter, MachineStart } from './machine-writer.ts'
import type { WriterOptions } from './writer-options.ts'
import { Semaphore } from '../../io/pool.ts'

/** Zero pages in one part. */
const ZEROS_AT_ONCE = 65536

/** Lengths around the records of a part of the RAM section. */
const PART_START_LENGTH = 5
const PART_END_LENGTH = 13

/** A RAM record that makes the receiver wait for all channels (`RAM_SAVE_FLAG_MULTIFD_FLUSH`; machine types from 8.1 on). */
const FLUSH_RECORD = Buffer.from([0, 0, 0, 0, 0, 0, 2, 0])

/**
 * Writes the `channels` layout: the streams that QEMU would send over multifd, uncompressed. Channels wait for each other where the machine type
 * requires it, because QEMU's receiver relies on that.
 */
export class ChannelsMachineWriter implements MachineWriter {
  readonly #writer: ChannelsWriter
  readonly #main: Stream
  readonly #channels: readonly Stream[]
  readonly #uuid: string
  #start: MachineStart = { head: new Uint8Array(0), ramSection: 0, blocks: [] }
  #written: readonly PageBitmap[] = []
  #packets = 0

  private constructor(writer: ChannelsWriter, uuid: string) {
    this.#writer = writer
    this.#uuid = uuid
    this.#main = new Stream(writer.main, writer.mainOffset)
    this.#channels = writer.channels.map((file) => new Stream(file, 0))
  }

  /** @throws StorageError, UsageError */
  static async create(path: string, options: WriterOptions): Promise<ChannelsMachineWriter> {
    const writer = await ChannelsWriter.create(path, { ...options, compression: 'none' })
    return new ChannelsMachineWriter(writer, options.uuid)
  }

  get fileBytes(): number {
    return this.#channels.reduce((sum, { length }) => sum + length, this.#main.length)
  }

  async begin(start: MachineStart): Promise<void> {
    this.#start = start
    this.#written = start.blocks.map(({ length }) => new PageBitmap(length / PAGE_SIZE))
    const head = incomingHead(start, start.blocks)
    await this.#main.append([
      head.subarray(0, -PART_END_LENGTH),
      ...this.#flushRecord(),
      head.subarray(-PART_END_LENGTH),
    ])
    const vmUuid = Buffer.from(this.#uuid.replaceAll('-', ''), 'hex')
    for (const [channel, stream] of this.#channels.entries())
      await stream.append([serialiseMultifdInit({ vmUuid, channel })])
    // No page may arrive before QEMU has read the list of blocks: it would crash (10.0, `receivedmap` in migration/ram.c does not exist yet).
    await this.#synchronise()
  }

  async add(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    const name = this.#start.blocks[block]?.name ?? ''
    for (const pages of contentPages(firstPage, bytes)) {
      this.#written[block]?.mark(pages.firstPage, pages.pageCount)
      for (let page = 0; page < pages.pageCount; page += MULTIFD_PACKET_PAGES) {
        const pageCount = Math.min(MULTIFD_PACKET_PAGES, pages.pageCount - page)
        const content = pages.bytes.subarray(page * PAGE_SIZE, (page + pageCount) * PAGE_SIZE)
        await this.#packet({ block: name, firstPage: pages.firstPage + page, pageCount }, content)
      }
    }
  }

  async publish(state: DeviceState): Promise<number> {
    const { ramSection, blocks } = this.#start
    await this.#synchronise()
    const end = ramEnd(ramSection)
    // The records of zero pages are in the last part: each further part would be another place to wait at.
    await this.#main.append([end.subarray(0, PART_START_LENGTH)])
    for (const [block, { name }] of blocks.entries()) {
      for (const { firstPage, pageCount } of this.#written[block]?.gaps(ZEROS_AT_ONCE) ?? []) {
        const part = ramZeros(ramSection, name, firstPage, pageCount)
        await this.#main.append([part.subarray(PART_START_LENGTH, -PART_END_LENGTH)])
      }
    }
    await this.#main.append([
      ...this.#flushRecord(),
      end.subarray(PART_START_LENGTH),
      incomingDevices(state),
    ])
    const channels: ChannelEntry[] = []
    for (const stream of this.#channels) channels.push(await stream.finish())
    const main = await this.#main.finish()
    const mainFileLength = await this.#writer.publish({
      mainLength: main.length,
      mainCrc: main.crc,
      channels,
    })
    return channels.reduce((sum, { length }) => sum + length, mainFileLength)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of [this.#main, ...this.#channels]) await stream.idle()
    await this.#writer[Symbol.asyncDispose]()
  }

  #flushRecord(): readonly Uint8Array[] {
    return flushesEachSection(this.#start.head) ? [] : [FLUSH_RECORD]
  }

  async #synchronise(): Promise<void> {
    for (const stream of this.#channels) {
      const number = this.#packets
      this.#packets += 1
      const packet = { number, block: '', firstPage: 0, pageCount: 0 }
      await stream.append([serialiseMultifdPacket(packet)])
    }
  }

  async #packet(
    pages: { readonly block: string; readonly firstPage: number; readonly pageCount: number },
    content: Uint8Array,
  ): Promise<void> {
    const number = this.#packets
    this.#packets += 1
    const stream = this.#channels[number % this.#channels.length] as Stream
    await stream.append([serialiseMultifdPacket({ number, ...pages }), content])
  }
}

/** Appends to a file and maintains its checksums. */
class Stream {
  readonly #appender: FileAppender
  readonly #oneAtATime = new Semaphore(1)
  #head: Buffer = Buffer.alloc(0)
  #crc = 0

  constructor(file: DirectFile, start: number) {
    this.#appender = new FileAppender(file, start)
  }

  get length(): number {
    return this.#appender.length
  }

  append(pieces: readonly Uint8Array[]): Promise<void> {
    return this.#oneAtATime.take(async () => {
      for (const bytes of pieces) {
        this.#crc = crc32c(bytes, this.#crc)
        if (this.#head.length < CHANNEL_HEAD_LENGTH)
          this.#head = Buffer.concat([this.#head, bytes]).subarray(0, CHANNEL_HEAD_LENGTH)
        await this.#appender.append(bytes)
      }
    })
  }

  async finish(): Promise<ChannelEntry> {
    const length = await this.#appender.flush()
    return { length, crc: this.#crc, headCrc: crc32c(this.#head) }
  }

  async idle(): Promise<void> {
    await this.#appender.idle()
  }
}
