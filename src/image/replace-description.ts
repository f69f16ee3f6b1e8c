import { crc32c } from '../io/crc32c.ts'
import { UsageError } from '../errors.ts'
import type { DirectFile } from '../io/files/direct-file.ts'
import { PartialFile } from '../io/files/partial-file.ts'
import { cloneRange } from '../io/system-calls.ts'
import { HEADER_LENGTH, type SaveImageHeader, serialiseHeader } from './header.ts'
import { openImageFile } from './opened-image.ts'
import type { MachineDescription } from './saved-machine.ts'

const PIECE = 4 * 1024 * 1024

/**
 * Replaces the description of an image of any format. The image is rewritten beside the old one, sharing its blocks where the file system supports
 * that, and renamed over it at the end: a crash leaves either the old or the new one.
 * @throws ImageError, StorageError; UsageError BAD_ARGUMENT when the new description does not fit
 */
export async function replaceDescription(
  path: string,
  description: MachineDescription,
): Promise<void> {
  await copyImage(path, path, description)
}

/**
 * Copies an image of any format that is one file, with another description. The copy shares the blocks of the original where the file system supports
 * that; otherwise its zeros are holes. It is durable.
 * @throws ImageError, StorageError; UsageError BAD_ARGUMENT when the description does not fit
 */
export async function copyImage(
  from: string,
  to: string,
  description: MachineDescription,
): Promise<void> {
  const { file, header, fileLength } = await openImageFile(from, { direct: false })
  await using source = file
  const area = fill(description, header.dataLength)
  await using partial = await PartialFile.create(to, { direct: false })
  if (!cloneRange(source.fd, 0, 0, partial.file.fd)) await copy(source, partial.file, fileLength)
  const { extension } = header
  const { xml, cookie } = description
  const changed: SaveImageHeader = {
    ...header,
    wasRunning: description.wasRunning,
    cookieOffset: cookie === undefined ? 0 : Buffer.byteLength(xml) + 1,
    ...(extension !== undefined && { extension: { ...extension, areaCrc: crc32c(area) } }),
  }
  await partial.file.write(area, HEADER_LENGTH)
  await partial.file.write(serialiseHeader(changed), 0)
  await partial.publish()
}

/** Builds a description area of the image's present length. */
function fill({ xml, cookie }: MachineDescription, dataLength: number): Buffer {
  const text = Buffer.from(`${xml}\0${cookie === undefined ? '' : `${cookie}\0`}`)
  if (text.length > dataLength) {
    throw new UsageError(
      'BAD_ARGUMENT',
      `The new XML is too long: with the cookie it takes ${text.length} bytes, but the image has room for ${dataLength}`,
      { hint: 'Remove comments and metadata from it' },
    )
  }
  const area = Buffer.alloc(dataLength)
  text.copy(area)
  return area
}

async function copy(from: DirectFile, to: DirectFile, length: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(PIECE, length))
  for (let offset = 0; offset < length; offset += buffer.length) {
    const count = await from.read(buffer, offset)
    for (const { start, end } of dataRuns(buffer.subarray(0, count)))
      await to.write(buffer.subarray(start, end), offset + start)
  }
  await to.truncate(length)
}

const GRAIN = 64 * 1024
const ZEROS = Buffer.alloc(GRAIN)

/** The parts of a piece that are not zeros; the others stay holes. */
function* dataRuns(piece: Buffer): Generator<{ readonly start: number; readonly end: number }> {
  let start: number | undefined
  for (let at = 0; at < piece.length; at += GRAIN) {
    const end = Math.min(at + GRAIN, piece.length)
    const isZero = piece.subarray(at, end).equals(ZEROS.subarray(0, end - at))
    if (!isZero) start ??= at
    else if (start !== undefined) {
      yield { start, end: at }
      start = undefined
    }
  }
  if (start !== undefined) yield { start, end: piece.length }
}
