import { crc32c } from '@node-rs/crc32'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import zlib from 'node:zlib'
import { buildDescriptionArea } from '../../../src/image/description-area.ts'
import { HEADER_LENGTH, serialiseHeader } from '../../../src/image/header.ts'
import type { SaveFormat } from '../../../src/image/save-format.ts'
import { serialiseTable } from '../../../src/image/channels/table.ts'
import {
  parsePageDigests,
  serialisePageDigests,
} from '../../../src/image/stasis/page-digest-file.ts'
import { PageDigests } from '../../../src/image/stasis/page-digests.ts'
import { memberHead } from '../../../src/image/packed/gzip.ts'
import { incomingHead, ramEnd, ramPages, ramZeros } from '../../../src/wire/incoming-stream.ts'
import { mappedStart, placeBlock, serialiseMappedBlock } from '../../../src/wire/mapped-ram.ts'
import {
  type MultifdCompression,
  serialiseMultifdInit,
  serialiseMultifdPacket,
} from '../../../src/wire/multifd-packet.ts'
import {
  TEST_HEAD,
  TEST_SECTIONS,
  TEST_TAIL,
  buildStasisImage,
  testPages,
} from '../../support/stasis-image.ts'
import { FilePieces } from '../file-pieces.ts'
import { type Bench, Broken, type FuzzParser } from '../parser.ts'
import { packParts, unpackParts } from '../parts.ts'
import { readMachine } from '../read-machine.ts'
import { type Field, fieldShapes } from '../shapes.ts'

const XML = `<domain type='kvm'><name>a</name><memory>1024</memory><os><type arch='x86_64'>hvm</type></os></domain>`

/** Where the header's numbers are in an encoded file whose first piece begins with the header. */
const HEADER_FIELDS: readonly Field[] = [
  { at: 0, width: 8 },
  ...[16, 20, 24, 28, 32, 40, 44, 56].map((at): Field => ({ at: 20 + at, width: 4 })),
  { at: 20 + 48, width: 8 },
]

/** Header, description and body of an image whose description area is short. */
function imageOf(format: SaveFormat, body: Uint8Array, extension?: MultifdCompression): Buffer {
  const area = buildDescriptionArea({ xml: XML, cookie: '<cookie/>' })
  const fileLength = HEADER_LENGTH + area.dataLength + body.length
  const header = serialiseHeader({
    complete: true,
    dataLength: area.dataLength,
    wasRunning: true,
    format,
    cookieOffset: area.cookieOffset,
    ...(extension !== undefined && {
      extension: { channels: 2, compression: extension, fileLength, areaCrc: crc32c(area.bytes) },
    }),
  })
  return Buffer.concat([header, area.bytes, body])
}

/** Makes the checksums and the length in the header of an image of ours right. */
function repairFront(file: FilePieces): void {
  const header = file.read(0, HEADER_LENGTH)
  if (header[36] !== 1) return
  header.writeBigUInt64LE(BigInt(Math.min(file.length, 2 ** 60)), 48)
  header.writeUInt32LE(crc32c(file.read(HEADER_LENGTH, header.readUInt32LE(20))), 56)
  header.writeUInt32LE(crc32c(header.subarray(16, 88)), 88)
  file.patch(0, header)
}

async function readFile(input: Uint8Array, { directory }: Bench): Promise<unknown> {
  const path = join(directory, 'image')
  if (!FilePieces.decode(input).place(path)) return false
  await readMachine(path, directory, input)
  return true
}

/** The places of all 4-byte words of an encoded file's piece, for a format whose fields are nearly all words. */
function wordsOf(seed: Uint8Array, from: number, to: number): readonly Field[] {
  const file = FilePieces.decode(seed)
  const fields: Field[] = []
  let at = 8
  for (const piece of file.pieces) {
    for (let word = 0; word + 4 <= piece.bytes.length; word += 4)
      if (piece.at + word >= from && piece.at + word < to)
        fields.push({ at: at + 12 + word, width: 4 }, { at: at + 12 + word, width: 8 })
    at += 12 + piece.bytes.length
  }
  return fields
}

// --- stasis ---

function stasisSeeds(): readonly Uint8Array[] {
  const images = [
    buildStasisImage({ xml: XML }),
    buildStasisImage({ xml: XML, block: { length: 2 ** 40 } }),
  ]
  return images.map(({ bytes }) => FilePieces.of(bytes).encode())
}

function repairStasis(input: Uint8Array): Uint8Array {
  const file = FilePieces.decode(input)
  const footerAt = file.length - 64
  const footer = file.read(footerAt, 64)
  const indexAt = Number(footer.readBigUInt64LE(8))
  const index = file.read(indexAt, Number(footer.readBigUInt64LE(16)))
  if (index.length >= 64) {
    for (const at of [24, 40]) index.writeUInt32LE(crc32c(partOf(file, index, at)), at + 12)
    const blocksAt = index.readUInt32LE(8) === 2 ? 64 + 272 : 64
    const framesAt = blocksAt + index.readUInt32LE(12) * 288
    for (let at = framesAt; at + 32 <= index.length; at += 32)
      // The checksum of a frame in the base is of other bytes than those of this file.
      if (index[at + 26] !== 3) index.writeUInt32LE(crc32c(partOf(file, index, at)), at + 12)
    file.patch(indexAt, index)
    footer.writeUInt32LE(crc32c(index), 24)
  }
  footer.writeUInt32LE(crc32c(footer.subarray(0, 60)), 60)
  file.patch(footerAt, footer)
  repairFront(file)
  return file.encode()
}

function partOf(file: FilePieces, index: Buffer, at: number): Buffer {
  return file.read(Number(index.readBigUInt64LE(at)), index.readUInt32LE(at + 8))
}

/** The container of `stasis`: footer, index, frames. */
export const stasisParser: FuzzParser = {
  name: 'stasis',
  isSlow: true,
  seeds: stasisSeeds,
  shapes: () => {
    const seeds = stasisSeeds()
    const { indexOffset, bytes } = buildStasisImage({ xml: XML })
    const fields = [...HEADER_FIELDS, ...wordsOf(seeds[0] ?? bytes, indexOffset, bytes.length)]
    return fieldShapes(seeds, fields, repairStasis)
  },
  repair: repairStasis,
  words: ['STASISIX', 'STASISFT', 'pc.ram\0', '(\xb5/\xfd', 'x\x9c'],
  run: readFile,
}

const BASE = { name: 'base', imageId: '0123456789abcdef'.repeat(2) }

function basedSeeds(): readonly Uint8Array[] {
  return [FilePieces.of(buildStasisImage({ xml: XML, base: BASE }).bytes).encode()]
}

/** An image that needs another, which is there. */
export const basedParser: FuzzParser = {
  name: 'based',
  isSlow: true,
  seeds: basedSeeds,
  shapes: () => {
    const seeds = basedSeeds()
    const { indexOffset, bytes } = buildStasisImage({ xml: XML, base: BASE })
    const fields = wordsOf(seeds[0] ?? bytes, indexOffset, bytes.length)
    return fieldShapes(seeds, fields, repairStasis)
  },
  repair: repairStasis,
  words: ['STASISIX', 'base\0', '../base\0', '.\0', 'pc.ram\0'],
  async run(input, { directory }) {
    for (const name of ['base', 'based']) mkdirSync(join(directory, name), { recursive: true })
    const base = buildStasisImage({ xml: XML, id: BASE.imageId })
    writeFileSync(join(directory, 'base', 'image'), base.bytes)
    return readFile(input, { directory: join(directory, 'based') })
  },
}

/** The digests of the pages beside an image. */
export const pageDigestsParser: FuzzParser = {
  name: 'page-digests',
  seeds: () => {
    const digests = new PageDigests([
      { name: 'pc.ram', length: 4 * 4096 },
      { name: 'rom', length: 4096 },
    ])
    digests.compute(0, 1, testPages(1, 1))
    return [serialisePageDigests({ imageId: BASE.imageId, digests })]
  },
  repair(input) {
    const bytes = Buffer.from(input)
    const end = bytes.length - 4
    if (end >= 0) bytes.writeUInt32LE(crc32c(bytes.subarray(0, end)), end)
    return bytes
  },
  words: ['STASISPD'],
  run(input) {
    const found = parsePageDigests(input)
    if (found === undefined) return false
    const { blocks, tables } = found.digests
    for (const [block, { length }] of blocks.entries())
      if (tables[block]?.length !== (length / 4096) * 16)
        throw new Broken(`block ${block} does not have a digest for each page`)
    return true
  },
}

// --- sparse ---

function sparseSeeds(): readonly Uint8Array[] {
  const area = buildDescriptionArea({ xml: XML, cookie: undefined })
  const bodyOffset = HEADER_LENGTH + area.dataLength
  const start = Buffer.concat([TEST_HEAD, mappedStart(2, 66 * 4096)])
  const first = placeBlock('pc.ram', 64 * 4096, bodyOffset + start.length)
  const second = placeBlock('rom', 2 * 4096, first.pagesOffset + first.length)
  const tailAt = second.pagesOffset + second.length
  const tail = Buffer.concat([ramEnd(2).subarray(5 + 8), TEST_SECTIONS, TEST_TAIL])
  const afterPages = Buffer.concat([
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x10, 0x7e, 0, 0, 0, 2]),
    ramEnd(2),
  ])
  const end = Buffer.concat([afterPages, TEST_SECTIONS, TEST_TAIL])
  const header = serialiseHeader({
    complete: true,
    dataLength: area.dataLength,
    wasRunning: true,
    format: 'sparse',
    cookieOffset: 0,
  })
  const file = new FilePieces(tailAt + end.length)
  const put = (at: number, bytes: Uint8Array): unknown =>
    file.pieces.push({ at, bytes: Buffer.from(bytes) })
  put(0, Buffer.concat([header, Buffer.from(`${XML}\0`)]))
  put(bodyOffset, Buffer.concat([start, serialiseMappedBlock(first)]))
  put(first.bitmapOffset, Buffer.from([0b101, 0, 0, 0, 0, 0, 0, 0x80]))
  put(first.pagesOffset, Buffer.from('first page'))
  put(first.pagesOffset + 2 * 4096, Buffer.from('third page'))
  put(first.pagesOffset + first.length, serialiseMappedBlock(second))
  put(second.bitmapOffset, Buffer.from([0b10]))
  put(tailAt, end)
  return tail.length === 0 ? [] : [file.encode()]
}

/** QEMU's `mapped-ram`: block headers, bitmaps, pages at fixed places. */
export const sparseParser: FuzzParser = {
  name: 'sparse',
  isSlow: true,
  seeds: sparseSeeds,
  shapes: () => {
    const [seed = new Uint8Array(0)] = sparseSeeds()
    return fieldShapes([seed], [...HEADER_FIELDS, ...bytesOf(seed)])
  },
  words: ['QEVM', '\x03ram', '\x06pc.ram', '\x03rom'],
  run: readFile,
}

/** Numbers of QEMU's streams are big-endian, and at any offset. */
function bytesOf(seed: Uint8Array): readonly Field[] {
  return Array.from({ length: Math.min(seed.length, 1000) }, (_, at): Field => ({
    at,
    width: at % 2 === 0 ? 8 : 4,
    bigEndian: true,
  }))
}

// --- streams ---

const BLOCKS = [
  { name: 'pc.ram', length: 64 * 4096 },
  { name: 'rom', length: 2 * 4096 },
]

/** A whole migration stream of a tiny machine. */
export function tinyStream(): Buffer {
  return Buffer.concat([
    incomingHead({ head: TEST_HEAD, ramSection: 2 }, BLOCKS),
    ramPages(2, 'pc.ram', 1, testPages(0, 1)),
    ramZeros(2, 'pc.ram', 5, 3),
    ramPages(2, 'rom', 0, testPages(7, 1)),
    ramEnd(2),
    ...[TEST_SECTIONS, Buffer.from([0x7e, 0, 0, 0, 9]), TEST_TAIL],
  ])
}

function streamParser(
  format: SaveFormat,
  pack: readonly ((stream: Buffer) => Uint8Array)[],
  words: readonly string[],
): FuzzParser {
  const bodies = (): readonly Uint8Array[] => pack.map((each) => each(tinyStream()))
  const fields = Array.from({ length: 120 }, (_, at): Field => ({ at, width: 4, bigEndian: true }))
  return {
    name: format,
    seeds: bodies,
    shapes: () => fieldShapes(bodies(), fields),
    words: ['QEVM', '\x06pc.ram', '\x03rom', ...words],
    isSlow: true,
    run: async (input, { directory }) => {
      const path = join(directory, 'image')
      writeFileSync(path, imageOf(format, input))
      await readMachine(path, directory, input)
    },
  }
}

/** Two members in the form that Stasis writes, so that they are decompressed at once. */
function ownGzip(stream: Buffer): Uint8Array {
  const half = stream.length >> 1
  return Buffer.concat([stream.subarray(0, half), stream.subarray(half)].map(ownMember))
}

function ownMember(piece: Buffer): Uint8Array {
  const body = zlib.deflateRawSync(piece)
  const end = Buffer.alloc(8)
  end.writeUInt32LE(zlib.crc32(piece))
  end.writeUInt32LE(piece.length, 4)
  return Buffer.concat([memberHead(20 + body.length + 8), body, end])
}

const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
const zstd = (stream: Buffer): Uint8Array => zlib.zstdCompressSync(stream)
const zstdSized = (stream: Buffer): Uint8Array => {
  const options: zlib.ZstdOptions & { readonly pledgedSrcSize: number } = {
    pledgedSrcSize: stream.length,
  }
  return Buffer.concat([skippable, zlib.zstdCompressSync(stream, options)])
}

/** Bodies that are one migration stream, packed or not. */
export const streamParsers: readonly FuzzParser[] = [
  streamParser('raw', [(stream) => stream], []),
  streamParser('gzip', [zlib.gzipSync, ownGzip], ['\x1f\x8b\x08', 'ST\x04\0']),
  streamParser('zstd', [zstd, zstdSized], ['(\xb5/\xfd', 'P*M\x18']),
]

/** Bodies that a program decompresses: few runs a second, so they are only run as they are in the fixtures and cut. */
export const fixtureParser: FuzzParser = {
  name: 'fixtures',
  isSlow: true,
  seeds: () => {
    const folder = join(import.meta.dirname, '../../fixtures')
    const names = readdirSync(folder).filter((name) => /lzop/.test(name) && name.endsWith('.sav'))
    return names.map((name) => readFileSync(join(folder, name)))
  },
  run: async (input, { directory }) => {
    const path = join(directory, 'image')
    writeFileSync(path, input)
    await readMachine(path, directory, input)
  },
}

// --- channels ---

function channelsSeed(compression: MultifdCompression): Uint8Array {
  const main = Buffer.concat([
    incomingHead({ head: TEST_HEAD, ramSection: 2 }, BLOCKS),
    ramZeros(2, 'pc.ram', 5, 3),
    ramEnd(2),
    TEST_SECTIONS,
    TEST_TAIL,
  ])
  const flag = { none: 0, zlib: 2, zstd: 4 }[compression]
  const packed = (pages: Buffer): Buffer =>
    ({
      none: () => pages,
      zlib: () => zlib.deflateSync(pages, { finishFlush: zlib.constants.Z_SYNC_FLUSH }),
      zstd: () => zlib.zstdCompressSync(pages),
    })[compression]()
  const channel = (number: number): Buffer => {
    const init = serialiseMultifdInit({ vmUuid: new Uint8Array(16), channel: number })
    const packet = serialiseMultifdPacket({
      number,
      block: 'pc.ram',
      firstPage: 10 + 2 * number,
      pageCount: 2,
    })
    const data = packed(testPages(number, 2))
    packet.writeUInt32BE(flag, 8)
    packet.writeUInt32BE(data.length, 20)
    const sync = serialiseMultifdPacket({ number, block: '', firstPage: 0, pageCount: 0 })
    return Buffer.concat([init, packet, data, sync])
  }
  const [one, two] = [channel(0), channel(1)]
  const area = buildDescriptionArea({ xml: XML, cookie: '<cookie/>' })
  const gap = -(HEADER_LENGTH + area.dataLength + main.length) & 4095
  const table = Buffer.from(
    serialiseTable({
      imageId: new Uint8Array(16).fill(9),
      mainLength: main.length,
      mainCrc: 0,
      channels: [one, two].map(({ length }) => ({ length, crc: 0, headCrc: 0 })),
    }),
  )
  const file = imageOf('channels', Buffer.concat([main, Buffer.alloc(gap), table]), compression)
  return repairChannels(packParts([FilePieces.of(file).encode(), one, two]))
}

function repairChannels(input: Uint8Array): Uint8Array {
  const [main = new Uint8Array(0), one = new Uint8Array(0), two = new Uint8Array(0)] = unpackParts(
    input,
    3,
  )
  const file = FilePieces.decode(main)
  const length = file.read(file.length - 16, 16).readUInt32LE(4)
  const tableAt = file.length - length
  const table = file.read(tableAt, Math.min(length, 4096))
  if (table.length >= 96) {
    const front = file.read(0, HEADER_LENGTH)
    const mainLength = Number(table.readBigUInt64LE(32))
    table.writeUInt32LE(crc32c(file.read(HEADER_LENGTH + front.readUInt32LE(20), mainLength)), 40)
    for (const [channel, bytes] of [one, two].entries()) {
      const at = 48 + 16 * channel
      table.writeBigUInt64LE(BigInt(bytes.length), at)
      table.writeUInt32LE(crc32c(bytes), at + 8)
      table.writeUInt32LE(crc32c(bytes.subarray(0, 4096)), at + 12)
    }
    table.writeUInt32LE(crc32c(table.subarray(0, -8)), table.length - 8)
    file.patch(tableAt, table)
  }
  repairFront(file)
  return packParts([file.encode(), one, two])
}

function channelsParser(compression: MultifdCompression): FuzzParser {
  const seeds = (): readonly Uint8Array[] => [channelsSeed(compression)]
  return {
    name: `channels-${compression}`,
    isSlow: true,
    seeds,
    shapes: () => {
      const [seed = new Uint8Array(0)] = seeds()
      const fields = Array.from({ length: seed.length >> 2 }, (_, word): Field[] => [
        { at: word * 4, width: 4, bigEndian: true },
        { at: word * 4, width: 4 },
      ])
      return fieldShapes([seed], fields.flat(), repairChannels)
    },
    repair: repairChannels,
    words: ['STASISCH', 'pc.ram\0', '\x11\x22\x33\x44', 'SCHT'],
    run: async (input, { directory }) => {
      const path = join(directory, 'image')
      const [main = new Uint8Array(0), one = new Uint8Array(0), two = new Uint8Array(0)] =
        unpackParts(input, 3)
      for (const number of [1, 2]) rmSync(`${path}.${number}`, { force: true })
      if (!FilePieces.decode(main).place(path)) return false
      writeFileSync(`${path}.1`, one)
      writeFileSync(`${path}.2`, two)
      await readMachine(path, directory, input)
      return true
    },
  }
}

/** Images of `channels`: the table, the main stream, and the packets of each compression. */
export const channelsParsers: readonly FuzzParser[] = (['none', 'zlib', 'zstd'] as const).map(
  channelsParser,
)
