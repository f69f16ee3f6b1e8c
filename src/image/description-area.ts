import { crc32c } from '../io/crc32c.ts'
import { type ImageError, InternalError, UsageError } from '../errors.ts'
import { HEADER_LENGTH, MAX_DATA_LENGTH, type SaveImageHeader, dataLengthFor } from './header.ts'
import { imageDamaged } from './image-fault.ts'
import type { MachineDescription } from './saved-machine.ts'

/** A description area with the header fields that describe it. */
export interface DescriptionArea {
  readonly bytes: Uint8Array
  readonly dataLength: number
  readonly cookieOffset: number
}

/**
 * Serialises XML and cookie one after another, each with its NUL, padded by the alignment rule (docs/format/libvirt-header.md).
 * @throws UsageError BAD_ARGUMENT when they are longer than a reader accepts
 */
export function buildDescriptionArea(
  description: Pick<MachineDescription, 'xml' | 'cookie'>,
): DescriptionArea {
  const xml = Buffer.from(`${description.xml}\0`)
  const cookie = Buffer.from(description.cookie === undefined ? '' : `${description.cookie}\0`)
  if (
    xml.indexOf(0) !== xml.length - 1 ||
    (cookie.length > 0 && cookie.indexOf(0) + 1 < cookie.length)
  )
    throw new InternalError('A domain XML or cookie to be saved contains a NUL')
  const dataLength = dataLengthFor(xml.length + cookie.length)
  if (dataLength > MAX_DATA_LENGTH) {
    throw new UsageError(
      'BAD_ARGUMENT',
      `The domain XML and its cookie take ${xml.length + cookie.length} bytes; an image can hold ${MAX_DATA_LENGTH}`,
    )
  }
  const bytes = Buffer.alloc(dataLength)
  xml.copy(bytes)
  cookie.copy(bytes, xml.length)
  return { bytes, dataLength, cookieOffset: cookie.length === 0 ? 0 : xml.length }
}

/** An area of the same length with another cookie, for a header that is otherwise the same; `undefined` when the cookie does not fit. */
export function withCookie(
  area: DescriptionArea,
  xml: string,
  cookie: string,
): DescriptionArea | undefined {
  const text = Buffer.from(`${xml}\0${cookie}\0`)
  if (text.length > area.dataLength) return undefined
  const bytes = Buffer.alloc(area.dataLength)
  text.copy(bytes)
  return { bytes, dataLength: area.dataLength, cookieOffset: Buffer.byteLength(xml) + 1 }
}

/**
 * Parses the description area, `dataLength` bytes from byte 92 of the file. A wrong checksum goes to `onFault`, if there is one.
 * @throws ImageError IMAGE_CORRUPT
 */
export function parseDescriptionArea(
  area: Uint8Array,
  header: SaveImageHeader,
  place: { readonly path: string; readonly onFault?: ((fault: ImageError) => void) | undefined },
): MachineDescription {
  const { path, onFault } = place
  const { cookieOffset, extension, wasRunning } = header
  if (extension !== undefined && extension.areaCrc !== crc32c(area)) {
    const fault = corrupt(path, 0, 'XML and cookie do not match their checksum')
    if (onFault === undefined) throw fault
    onFault(fault)
  }
  const bytes = Buffer.from(area.buffer, area.byteOffset, area.length)
  const xmlEnd = bytes.indexOf(0)
  if (xmlEnd === -1) throw corrupt(path, 0, 'the domain XML has no end')
  if (xmlEnd === 0) throw corrupt(path, 0, 'the domain XML is empty')
  if (cookieOffset !== 0 && cookieOffset <= xmlEnd)
    throw corrupt(path, cookieOffset, 'the cookie begins inside the domain XML')
  const xml = decode(bytes.subarray(0, xmlEnd), path, 0)
  if (cookieOffset === 0) return { xml, cookie: undefined, wasRunning }
  const cookieEnd = bytes.indexOf(0, cookieOffset)
  if (cookieEnd === -1) throw corrupt(path, cookieOffset, 'the cookie has no end')
  const cookie = decode(bytes.subarray(cookieOffset, cookieEnd), path, cookieOffset)
  return { xml, cookie: cookie === '' ? undefined : cookie, wasRunning }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(text: Uint8Array, path: string, at: number): string {
  try {
    return utf8.decode(text)
  } catch {
    throw corrupt(path, at, 'the text is not UTF-8')
  }
}

function corrupt(path: string, at: number, what: string): ImageError {
  return imageDamaged(path, what, { part: 'description', offset: HEADER_LENGTH + at })
}
