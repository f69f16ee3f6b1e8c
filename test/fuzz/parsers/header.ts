import { crc32c } from '@node-rs/crc32'
import { isDeepStrictEqual } from 'node:util'
import { buildDescriptionArea, parseDescriptionArea } from '../../../src/image/description-area.ts'
import {
  HEADER_LENGTH,
  type SaveImageHeader,
  parseHeader,
  serialiseHeader,
} from '../../../src/image/header.ts'
import { editRecord } from '../../../src/image/pending-edit.ts'
import { recoverEdit } from '../../../src/image/recover-edit.ts'
import { Broken, type FuzzParser } from '../parser.ts'
import { fieldShapes, fieldsFrom } from '../shapes.ts'

const plain: SaveImageHeader = {
  complete: true,
  dataLength: 600,
  wasRunning: true,
  format: 'raw',
  cookieOffset: 20,
}

const headers: readonly SaveImageHeader[] = [
  plain,
  { ...plain, bigEndian: true, id: '0123456789abcdef0123456789abcdef' },
  { ...plain, complete: false, format: 'sparse', cookieOffset: 0 },
  extended('stasis', 'zstd'),
  extended('channels', 'zlib'),
]

function extended(format: 'stasis' | 'channels', compression: 'zlib' | 'zstd'): SaveImageHeader {
  const extension = { channels: 2, compression, fileLength: 0x12_3456_7890, areaCrc: 7 }
  return { ...plain, format, extension }
}

/** Magic, then five words, then the extension. */
const FIELDS = fieldsFrom(16, [4, 4, 4, 4, 4, 4, 4, 4, 8, 4, 8, 8, 8, 4, 4])

/** Makes the checksum of the extension right. */
export function repairHeader(input: Uint8Array): Uint8Array {
  const bytes = Buffer.from(input)
  if (bytes.length >= HEADER_LENGTH) bytes.writeUInt32LE(crc32c(bytes.subarray(16, 88)), 88)
  return bytes
}

/** The first 92 bytes of an image. */
export const headerParser: FuzzParser = {
  name: 'header',
  seeds: () => headers.map(serialiseHeader),
  shapes: () => fieldShapes(headers.map(serialiseHeader), FIELDS, repairHeader),
  repair: repairHeader,
  words: ['LibvirtQemudSave', 'LibvirtQemudPart'],
  run: (input) => {
    const header = parseHeader(input, 'image')
    const again = parseHeader(serialiseHeader(header), 'image')
    if (!isDeepStrictEqual(again, header))
      throw new Broken(
        `written and read again, ${JSON.stringify(header)} is ${JSON.stringify(again)}`,
      )
  },
}

function areaSeeds(): readonly Uint8Array[] {
  const area = buildDescriptionArea({ xml: "<domain type='kvm'/>", cookie: '<cookie/>' })
  const seeds = headers.map(({ extension, ...rest }) => {
    const header = { ...rest, dataLength: 600, cookieOffset: area.cookieOffset }
    const bytes = Buffer.from(area.bytes.subarray(0, 600))
    const areaCrc = crc32c(bytes)
    const head = serialiseHeader(
      extension ? { ...header, extension: { ...extension, areaCrc } } : header,
    )
    const edited = buildDescriptionArea({ xml: '<domain/>', cookie: undefined })
    const record = editRecord({ header: head, area: edited.bytes.subarray(0, 600) }, 10, 31)
    if (record !== undefined) bytes.set(record, 600 - 212)
    return Buffer.concat([head, bytes])
  })
  return seeds
}

function repairArea(input: Uint8Array): Uint8Array {
  const bytes = Buffer.from(input)
  if (bytes.length > HEADER_LENGTH && bytes[36] === 1)
    bytes.writeUInt32LE(crc32c(bytes.subarray(HEADER_LENGTH)), 56)
  return repairHeader(bytes)
}

/** XML and cookie behind the header, and the record of an interrupted edit. */
export const descriptionParser: FuzzParser = {
  name: 'description',
  seeds: areaSeeds,
  shapes: () => fieldShapes(areaSeeds(), FIELDS, repairArea),
  repair: repairArea,
  words: ['<domain/>\0', '<cookie/>\0', 'StasisEditUnderW', '\0'],
  run: (input) => {
    const header = parseHeader(input.subarray(0, HEADER_LENGTH), 'image')
    const area = input.subarray(HEADER_LENGTH)
    const recovered = recoverEdit('image', header, area)
    const description = parseDescriptionArea(recovered.area, recovered.header, { path: 'image' })
    const built = buildDescriptionArea(description)
    const again = parseDescriptionArea(
      built.bytes,
      { ...plain, dataLength: built.dataLength, cookieOffset: built.cookieOffset },
      { path: 'image' },
    )
    if (again.xml !== description.xml || again.cookie !== description.cookie)
      throw new Broken('XML and cookie differ after they were written and read again')
  },
}
