import { crc32c } from '../io/crc32c.ts'
import { ImageError, InternalError } from '../errors.ts'
import { alignUp } from '../io/memory/aligned-memory.ts'
import type { Compression } from './compression.ts'
import { FORMATS, formatOfNumber } from './format-table.ts'
import { imageIdBytes, parseImageId } from './image-id.ts'
import { imageDamaged, imageTooNew, imageTruncated } from './image-fault.ts'
import type { ImageFormat } from './image-format.ts'
import type { SaveFormat } from './save-format.ts'

/** Length of the header; the description area follows (docs/format/libvirt-header.md). */
export const HEADER_LENGTH = 92

/** The alignment of the body in images written here. */
const BODY_ALIGNMENT = 65536

/** Longest description area that a reader accepts. */
export const MAX_DATA_LENGTH: number = 64 * 1024 * 1024

const MAGIC_COMPLETE = 'LibvirtQemudSave'
/** The magic of an image that is not complete. */
export const MAGIC_PARTIAL = 'LibvirtQemudPart'
const VERSION = 2
const EXTENSION = 1
const ID_OFFSET = 60
const LENGTH_OFFSET = 76
const AREA_SLACK = 65536

/** The fields that our own formats store in the header's spare words. */
export interface HeaderExtension {
  readonly channels: number
  /** A compression that the format supports. */
  readonly compression: Compression
  /** Length of the whole file; 0 while the image is partial. */
  readonly fileLength: number
  /** crc32c of the description area. */
  readonly areaCrc: number
}

/** The first 92 bytes of a save image. */
export interface SaveImageHeader {
  readonly complete: boolean
  /** Length of the description area; the body starts at `HEADER_LENGTH + dataLength`. */
  readonly dataLength: number
  readonly wasRunning: boolean
  readonly format: SaveFormat
  /** From the start of the description area; 0 when there is no cookie. */
  readonly cookieOffset: number
  /** Identifies the saved state, 32 hexadecimal digits; a copy and a conversion keep it. Absent in images of other programs. */
  readonly id?: string
  /** Length of the whole image, for formats without the extension: on a block device the file does not show it. Absent in images of other programs and in pipes. */
  readonly imageLength?: number
  readonly bigEndian?: boolean
  readonly extension?: HeaderExtension
}

/** The length of a description area for this much XML and cookie (NULs counted), by the alignment rule. */
export function dataLengthFor(contentLength: number): number {
  return alignUp(HEADER_LENGTH + contentLength + AREA_SLACK, BODY_ALIGNMENT) - HEADER_LENGTH
}

/** Serialises a header. Libvirt's own formats have no extension, ours need one. */
export function serialiseHeader(header: SaveImageHeader): Uint8Array {
  const bytes = Buffer.alloc(HEADER_LENGTH)
  bytes.write(header.complete ? MAGIC_COMPLETE : MAGIC_PARTIAL, 'latin1')
  const words = [
    VERSION,
    header.dataLength,
    header.wasRunning ? 1 : 0,
    FORMATS[header.format].number,
    header.cookieOffset,
  ]
  words.forEach((word, index) => {
    if (header.bigEndian === true) bytes.writeUInt32BE(word, 16 + index * 4)
    else bytes.writeUInt32LE(word, 16 + index * 4)
  })
  if (header.id !== undefined) bytes.set(imageIdBytes(header.id), ID_OFFSET)
  if (header.imageLength !== undefined)
    bytes.writeBigUInt64LE(BigInt(header.imageLength), LENGTH_OFFSET)
  const { extension } = header
  if (extension !== undefined) {
    bytes.writeUInt32LE(EXTENSION, 36)
    bytes.writeUInt32LE(extension.channels, 40)
    bytes.writeUInt32LE(compressionNumber(header.format, extension.compression), 44)
    bytes.writeBigUInt64LE(BigInt(extension.fileLength), 48)
    bytes.writeUInt32LE(extension.areaCrc, 56)
    bytes.writeUInt32LE(crc32c(bytes.subarray(16, 88)), 88)
  }
  return bytes
}

/**
 * Parses the first 92 bytes of a file. A partial image parses, with `complete` false.
 * @throws ImageError NOT_AN_IMAGE, IMAGE_TOO_NEW, IMAGE_UNSUPPORTED, IMAGE_CORRUPT, IMAGE_TRUNCATED
 */
export function parseHeader(bytes: Uint8Array, path: string): SaveImageHeader {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const magic = view.toString('latin1', 0, 16)
  if (magic !== MAGIC_COMPLETE && magic !== MAGIC_PARTIAL) {
    throw new ImageError(
      'NOT_AN_IMAGE',
      `${path} is not a save image: it does not start with the magic of one`,
      { path, offset: 0, hint: 'Use a file that `stasis save` or `virsh save` wrote' },
    )
  }
  if (bytes.length < HEADER_LENGTH) {
    const what = `it has ${bytes.length} of the ${HEADER_LENGTH} bytes of a header`
    throw imageTruncated(path, what, { offset: bytes.length })
  }
  const bigEndian = view.readUInt32LE(16) > VERSION
  const word = (offset: number): number =>
    bigEndian ? view.readUInt32BE(offset) : view.readUInt32LE(offset)
  if (word(16) > VERSION) {
    throw new ImageError(
      'IMAGE_TOO_NEW',
      `${path} has image version ${view.readUInt32LE(16)}; this program supports versions up to ${VERSION}`,
      {
        path,
        offset: 16,
        hint: 'Use a newer Stasis or libvirt, or check that the file was copied completely',
      },
    )
  }
  const format = formatOfNumber(word(28))
  if (format === undefined) {
    throw new ImageError(
      'IMAGE_UNSUPPORTED',
      `${path} has save format number ${word(28)}, which this program does not support`,
      { path, offset: 28, hint: 'Use a newer Stasis or libvirt' },
    )
  }
  const id = parseImageId(view.subarray(ID_OFFSET))
  const header = {
    complete: magic === MAGIC_COMPLETE,
    dataLength: word(20),
    wasRunning: word(24) !== 0,
    format: format.name,
    cookieOffset: word(32),
    ...(id !== undefined && { id }),
    ...(bigEndian && { bigEndian }),
  }
  const { extensionCompressions } = format.traits
  const imageLength = extensionCompressions === undefined ? lengthIn(view) : undefined
  const extension =
    extensionCompressions === undefined
      ? undefined
      : parseExtension(view, path, extensionCompressions)
  if (header.dataLength < 1 || header.dataLength > MAX_DATA_LENGTH) {
    throw corrupt(path, 20, `its description area cannot have ${header.dataLength} bytes`)
  }
  if (header.cookieOffset >= header.dataLength) {
    throw corrupt(
      path,
      32,
      `the cookie offset ${header.cookieOffset} is outside the description area of ${header.dataLength} bytes`,
    )
  }
  if (extension !== undefined) return { ...header, extension }
  return imageLength === undefined ? header : { ...header, imageLength }
}

/** A length that no image can have is somebody else's use of these words. */
function lengthIn(view: Buffer): number | undefined {
  const length = Number(view.readBigUInt64LE(LENGTH_OFFSET))
  return length > 0 && Number.isSafeInteger(length) ? length : undefined
}

type CompressionNumbers = NonNullable<ImageFormat['traits']['extensionCompressions']>

function compressionNumber(format: SaveFormat, compression: Compression): number {
  const number = FORMATS[format].traits.extensionCompressions?.[compression]
  if (number === undefined)
    throw new InternalError(
      `The header of a ${format} image cannot hold the compression ${compression}`,
    )
  return number
}

function parseExtension(view: Buffer, path: string, numbers: CompressionNumbers): HeaderExtension {
  if (view.readUInt32LE(88) !== crc32c(view.subarray(16, 88)))
    throw corrupt(path, 16, 'its checksum does not match')
  const version = view.readUInt32LE(36)
  if (version !== EXTENSION) {
    throw imageTooNew(path, 'header extension', { version, known: EXTENSION, offset: 36 })
  }
  const number = view.readUInt32LE(44)
  const [compression] = Object.entries(numbers).find(([, each]) => each === number) ?? []
  if (compression === undefined)
    throw corrupt(path, 44, `its compression number ${number} is unknown`)
  const channels = view.readUInt32LE(40)
  if (channels > 64) throw corrupt(path, 40, `it has ${channels} channels, more than 64`)
  const fileLength = Number(view.readBigUInt64LE(48))
  if (!Number.isSafeInteger(fileLength))
    throw corrupt(path, 48, `the file cannot have ${fileLength} bytes`)
  return {
    channels,
    compression: compression as Compression,
    fileLength,
    areaCrc: view.readUInt32LE(56),
  }
}

function corrupt(path: string, offset: number, what: string): ImageError {
  return imageDamaged(path, what, { part: 'header', offset })
}
