import { throwIfCancelled } from '../../errors.ts'
import type { ChannelStreams } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { WireError } from '../../wire/wire-error.ts'
import { type ChannelPacket, channelPackets } from '../convert/channel-packets.ts'
import { PageBitmap } from '../page-bitmap.ts'
import type { PartDamage } from './damage.ts'
import { DamageLog } from './damage-log.ts'
import type { MachineReading, ReadingOptions } from './reading.ts'
import { SeenPages } from './seen-pages.ts'
import { streamDamage } from './stream-damage.ts'

/** The channels of an image that was opened so that damage is reported to `onFault`. */
export interface TolerantChannels {
  readonly path: string
  readonly channels: ChannelStreams
  /** The names of the channel files. */
  readonly files: readonly string[]
  readonly faults: FileFaults
}

/** The files with faults, by name: those that were missing or short when they were opened, and, after they were read, those whose checksum is wrong. */
export interface FileFaults {
  readonly incomplete: Set<string>
  readonly wrong: Set<string>
}

/**
 * Parses a main stream and its channels, each to its end, or to where it cannot be understood any more.
 * @throws ImageError IMAGE_UNSUPPORTED, StorageError, CancelledError
 */
export async function readChannels(
  image: TolerantChannels,
  options: ReadingOptions,
): Promise<MachineReading> {
  const { path, channels } = image
  const log = new DamageLog()
  const seen = new SeenPages()
  const announced = Promise.withResolvers<boolean>()
  const parser = new MainStreamParser({
    blocks(blocks) {
      seen.begin([...blocks])
      log.begin(blocks)
      announced.resolve(true)
    },
    zeroPages: (block, firstPage, pageCount) => seen.zeros(block, firstPage, pageCount),
    page: (block, page, bytes) => seen.page(block, page, bytes),
  })
  const parts: PartDamage[] = []
  const readMain = async (): Promise<DeviceState | undefined> => {
    try {
      for await (const piece of channels.open('main')) {
        throwIfCancelled(`read ${path}`, options.signal)
        parser.feed(piece)
        options.onRead(piece.length)
      }
      return parser.finish()
    } catch (error) {
      parts.push({
        part: 'stream',
        ...streamDamage(path, error, { isUnderstood: seen.blocks.length > 0 }),
      })
      return undefined
    } finally {
      announced.resolve(false)
    }
  }
  const readers = Array.from(
    { length: channels.count },
    (_, channel) => new Reader(image, seen, channel),
  )
  const readChannel = async (reader: Reader): Promise<void> => {
    if (!(await announced.promise)) return
    const fault = await reader.read(options)
    if (fault !== undefined) parts.push(fault)
  }
  // All of them end before an error is thrown, because they share the image.
  const [main, ...others] = await Promise.allSettled([readMain(), ...readers.map(readChannel)])
  for (const result of [main, ...others]) if (result.status === 'rejected') throw result.reason
  let state = main.status === 'fulfilled' ? main.value : undefined
  if (state !== undefined && image.faults.wrong.has(path)) {
    const text = `The main stream of ${path}, which holds the device state, does not match its checksum`
    parts.push({ part: 'device state', kind: 'checksum', text, file: path })
    state = undefined
  } else if (state === undefined) {
    const text = `${path} cannot be read on to the device state`
    parts.push({ part: 'device state', kind: 'missing', text, file: path })
  }
  for (const part of parts) log.part(part)
  seen.reportMissing(log)
  for (const reader of readers) reader.reportSuspects(log)
  return { blocks: seen.readings(), state, damage: log.report() }
}

class Reader {
  readonly #image: TolerantChannels
  readonly #seen: SeenPages
  readonly #channel: number
  /** For each block, its pages that came on this channel. */
  readonly #pages = new Map<number, PageBitmap>()

  constructor(image: TolerantChannels, seen: SeenPages, channel: number) {
    this.#image = image
    this.#seen = seen
    this.#channel = channel
  }

  /** Returns the damage that ended the reading early, if any. */
  async read(options: ReadingOptions): Promise<PartDamage | undefined> {
    const { path, channels, faults } = this.#image
    const file = this.#file
    let end = 0
    try {
      for await (const packet of channelPackets(path, channels, this.#channel)) {
        throwIfCancelled(`read ${path}`, options.signal)
        options.onRead(packet.length)
        end = packet.offset + packet.length
        this.#take(packet)
      }
      return undefined
    } catch (error) {
      const damage = streamDamage(file, error, { offset: end, isUnderstood: true })
      // A file that is missing or short was reported when it was opened.
      if (damage.kind === 'truncated' && faults.incomplete.has(file)) return undefined
      return { part: 'channel', ...damage, file }
    }
  }

  /** If the checksum of the channel is wrong, any of its pages may be. */
  reportSuspects(log: DamageLog): void {
    const file = this.#file
    const { channels, faults } = this.#image
    if (faults.wrong.has(file)) {
      const text = `${file} does not match its checksum, which covers all of it`
      log.part({ part: 'channel', kind: 'checksum', text, file })
    } else if (!faults.incomplete.has(file)) return
    const storedAs = channels.compression === 'none' ? 'raw' : channels.compression
    const channel = this.#channel + 1
    for (const [block, pages] of this.#pages) {
      const runs = [...pages.runs()]
      for (let at = 0; at < runs.length; at += 2) {
        const [firstPage = 0, pageCount = 0] = runs.slice(at, at + 2)
        log.memory({ kind: 'suspect', block, firstPage, pageCount, storedAs, file, channel })
      }
    }
  }

  get #file(): string {
    return this.#image.files[this.#channel] ?? this.#image.path
  }

  #take({ header, pageNumbers, pages }: ChannelPacket): void {
    if (pageNumbers.length === 0) return
    const block = this.#seen.blocks.findIndex(({ name }) => name === header.block)
    const pageCount = (this.#seen.blocks[block]?.length ?? 0) / PAGE_SIZE
    let own = this.#pages.get(block)
    if (own === undefined) this.#pages.set(block, (own = new PageBitmap(pageCount)))
    for (const [position, page] of pageNumbers.entries()) {
      if (page >= pageCount)
        throw new WireError('corrupt', `RAM block "${header.block}" has no page ${page}`, 0)
      own.mark(page, 1)
      if (position >= header.normalPages) this.#seen.zeros(block, page, 1)
      else
        this.#seen.page(
          block,
          page,
          pages.subarray(position * PAGE_SIZE, (position + 1) * PAGE_SIZE),
        )
    }
  }
}
