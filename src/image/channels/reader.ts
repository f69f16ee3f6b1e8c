import { crc32c } from '../../io/crc32c.ts'
import { ImageError, InternalError, StasisError } from '../../errors.ts'
import { alignUp } from '../../io/memory/aligned-memory.ts'
import { DirectFile } from '../../io/files/direct-file.ts'
import { imageDamaged, imageTruncated } from '../image-fault.ts'
import type { OpenImageOptions, OpenedImage } from '../opened-image.ts'
import { readAhead } from '../read-ahead.ts'
import type { SavedMachine } from '../saved-machine.ts'
import { channelPath, newChannelPath } from './channel-path.ts'
import { isMultifdCompression } from './format.ts'
import {
  CHANNEL_HEAD_LENGTH,
  type ChannelEntry,
  type ChannelTable,
  TABLE_ALIGNMENT,
  TABLE_END_LENGTH,
  parseTable,
  parseTableEnd,
} from './table.ts'

/**
 * Reads the `channels` layout (docs/format/channels.md): the table, then the head of every channel file, which it compares with the table.
 * @throws ImageError, StorageError
 */
export async function openChannels(image: OpenedImage): Promise<SavedMachine> {
  const { file, bodyOffset, header, description } = image
  const table = await readTable(image)
  const compression = header.extension?.compression ?? 'none'
  if (!isMultifdCompression(compression))
    throw new InternalError(`A header of channels with ${String(compression)} passed the check`)
  const { onFault } = image.options
  const files: (DirectFile | undefined)[] = []
  const close = async (): Promise<void> => {
    for (const opened of [file, ...files]) await opened?.close()
  }
  try {
    for (const [channel, entry] of table.channels.entries())
      files.push(await openChannelFile(image, table, channel, entry))
  } catch (error) {
    await close()
    throw error
  }
  const sources = [...files.entries()].map(([channel, source]) => ({
    file: source,
    start: 0,
    ...(table.channels[channel] as ChannelEntry),
  }))
  const main = { file, start: bodyOffset, length: table.mainLength, crc: table.mainCrc }
  return {
    path: file.path,
    format: 'channels',
    description,
    channels: {
      count: sources.length,
      compression,
      length: [main, ...sources].reduce((sum, source) => sum + source.length, 0),
      open: (channel) =>
        checkedBytes(channel === 'main' ? main : (sources[channel] ?? main), onFault),
    },
    [Symbol.asyncDispose]: close,
  }
}

/** The table of an opened `channels` image. @throws ImageError IMAGE_CORRUPT, IMAGE_TOO_NEW */
export async function readTable(image: OpenedImage): Promise<ChannelTable> {
  const { file, bodyOffset, fileLength, header } = image
  const { path } = file
  const end = Buffer.alloc(TABLE_END_LENGTH)
  const endOffset = Math.max(0, fileLength - TABLE_END_LENGTH)
  await file.read(end, endOffset)
  const length = parseTableEnd(end, { path, offset: endOffset })
  const offset = fileLength - length
  const place = { path, offset }
  if (offset < bodyOffset) throw misplaced(place)
  const bytes = Buffer.alloc(length)
  await file.read(bytes, offset)
  const table = parseTable(bytes, place)
  if (alignUp(bodyOffset + table.mainLength, TABLE_ALIGNMENT) !== offset) throw misplaced(place)
  if (table.channels.length !== header.extension?.channels) {
    const counts = `its table lists ${table.channels.length} channels, its header ${header.extension?.channels}`
    throw imageDamaged(path, counts, { offset })
  }
  return table
}

async function openChannelFile(
  { file, options }: OpenedImage,
  table: ChannelTable,
  channel: number,
  entry: ChannelEntry,
): Promise<DirectFile | undefined> {
  const names = [newChannelPath(file.path, channel, table.imageId), channelPath(file.path, channel)]
  for (const name of names) {
    const opened = await DirectFile.open(name, 'read', options).catch((error: unknown) => {
      if (StasisError.is(error, 'FILE_NOT_FOUND')) return undefined
      throw error
    })
    if (opened === undefined) continue
    try {
      await checkChannelFile(opened, channel, entry, file.path)
      return opened
    } catch (error) {
      const isOurs =
        StasisError.is(error, 'IMAGE_TRUNCATED') || StasisError.is(error, 'IMAGE_CORRUPT')
      if (options.onFault !== undefined && error instanceof ImageError) {
        options.onFault(error)
        if (isOurs) return opened
      }
      await opened.close()
      if (options.onFault !== undefined && error instanceof ImageError) return undefined
      throw error
    }
  }
  const path = channelPath(file.path, channel)
  const missing = new ImageError(
    'IMAGE_CHANNEL_MISSING',
    `Channel file ${path} of ${file.path} is missing`,
    {
      path,
      hint: `An image of ${table.channels.length} channels needs its files .1 to .${table.channels.length} beside it`,
    },
  )
  if (options.onFault === undefined) throw missing
  options.onFault(missing)
  return undefined
}

async function checkChannelFile(
  opened: DirectFile,
  channel: number,
  entry: ChannelEntry,
  imagePath: string,
): Promise<void> {
  const { path } = opened
  const head = Buffer.alloc(Math.min(CHANNEL_HEAD_LENGTH, entry.length))
  const found = await opened.read(head, 0)
  if (found === head.length && crc32c(head) !== entry.headCrc) {
    throw new ImageError(
      'IMAGE_CHANNEL_FOREIGN',
      `${path} is not channel ${channel + 1} of ${imagePath}: its first bytes differ`,
      {
        path,
        offset: 0,
        hint: `Put the channel files that were saved with ${imagePath} beside it`,
      },
    )
  }
  const length = await opened.size()
  if (length === entry.length) return
  throw length < entry.length
    ? imageTruncated(path, `it has ${length} of ${entry.length} bytes`, { offset: length })
    : imageDamaged(path, `it has ${length} bytes, ${length - entry.length} more than were saved`, {
        offset: entry.length,
      })
}

/** Holds the last piece back until the checksum over everything was correct: a damaged stream never ends normally. */
async function* checkedBytes(
  source: {
    /** Absent: it could not be opened, which was reported. */
    readonly file: DirectFile | undefined
    readonly start: number
    readonly length: number
    readonly crc: number
  },
  onFault: OpenImageOptions['onFault'],
): AsyncGenerator<Uint8Array, void, undefined> {
  const { file, start, length } = source
  if (file === undefined) return
  let crc = 0
  let left = length
  for await (const piece of readAhead(file, start, start + length)) {
    crc = crc32c(piece, crc)
    left -= piece.length
    if (left === 0 && crc !== source.crc) {
      const what = `bytes ${start} to ${start + length} do not match their checksum`
      const fault = imageDamaged(file.path, what, { offset: start })
      if (onFault === undefined) throw fault
      onFault(fault)
    }
    yield piece
  }
}

function misplaced(place: { readonly path: string; readonly offset: number }): ImageError {
  const { path, offset } = place
  return imageDamaged(path, `its channel table cannot start at byte ${offset}`, { offset })
}
