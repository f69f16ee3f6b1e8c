import { isDeepStrictEqual } from 'node:util'
import { layoutPacket } from '../../../src/transfer/receive/packet-layout.ts'
import { describedDevices } from '../../../src/wire/device-description.ts'
import { endOfSections } from '../../../src/wire/end-of-sections.ts'
import { incomingDevices, incomingHead, ramEnd } from '../../../src/wire/incoming-stream.ts'
import { MainStreamParser } from '../../../src/wire/main-stream.ts'
import {
  MAX_MAPPED_BLOCK_LENGTH,
  mappedStart,
  parseMappedBlock,
  parseMappedStart,
  placeBlock,
  serialiseMappedBlock,
} from '../../../src/wire/mapped-ram.ts'
import {
  MULTIFD_COMPRESSIONS,
  MULTIFD_HEADER_LENGTH,
  MULTIFD_INIT_LENGTH,
  MULTIFD_PACKET_LENGTH,
  MULTIFD_PACKET_PAGES,
  parseMultifdHeader,
  parseMultifdInit,
  readPageNumbers,
  serialiseMultifdInit,
  serialiseMultifdPacket,
} from '../../../src/wire/multifd-packet.ts'
import { ReturnPathParser } from '../../../src/wire/return-path.ts'
import {
  flushesEachSection,
  machineOf,
  withCapability,
  withoutCapability,
} from '../../../src/wire/stream-head.ts'
import { WireError } from '../../../src/wire/wire-error.ts'
import { TEST_HEAD, TEST_TAIL } from '../../support/stasis-image.ts'
import { Broken, type FuzzParser } from '../parser.ts'
import { type Field, fieldShapes } from '../shapes.ts'
import { tinyStream } from './images.ts'

const expected = [WireError]

/** Every place of the first bytes, as numbers of QEMU's order. */
function everywhere(length: number): readonly Field[] {
  return Array.from({ length }, (_, at): readonly Field[] => [
    { at, width: 4, bigEndian: true },
    { at, width: 8, bigEndian: true },
  ]).flat()
}

/** What a stream of chunks gives, or the kind of the error that ended it. */
function outcome(parse: () => unknown): unknown {
  try {
    return parse()
  } catch (error) {
    if (error instanceof WireError) return error.kind
    throw error
  }
}

function feedStream(input: Uint8Array, step: number): unknown {
  const seen: unknown[] = []
  const zeros = new Set<string>()
  const parser = new MainStreamParser({
    blocks: (blocks) => seen.push([...blocks]),
    zeroPages: (block, first, count) => {
      for (let page = first; page < first + Math.min(count, 1000); page += 1)
        zeros.add(`${block}:${page}`)
    },
    page: (block, page, bytes) => seen.push([block, page, bytes[0], bytes.length]),
  })
  for (let at = 0; at < input.length; at += step) parser.feed(input.subarray(at, at + step))
  const state = parser.finish()
  return [seen, zeros.size, state]
}

const chunkedStream: FuzzParser = {
  name: 'main-stream',
  seeds: () => [tinyStream()],
  shapes: () => fieldShapes([tinyStream()], everywhere(200)),
  words: [
    'QEVM',
    '\x03ram\0\0\0\0\0\0\0\x04',
    '\x06pc.ram',
    '\x7e\0\0\0\x02',
    '\0\x06\0\0\0\x02{}',
  ],
  expected,
  run: (input) => {
    const whole = outcome(() => feedStream(input, Math.max(1, input.length)))
    const pieces = outcome(() => feedStream(input, 1 + (input.length % 97)))
    if (
      typeof whole !== typeof pieces ||
      (typeof whole !== 'string' && !isDeepStrictEqual(whole, pieces))
    )
      throw new Broken('the stream parses differently in pieces')
    return typeof whole !== 'string'
  },
}

const capabilities = Buffer.concat([
  TEST_HEAD,
  Buffer.from(
    '\x05\x1aconfiguration/capabilities\0\0\0\x01\0\0\0\x02\x0amapped-ram\x07multifd',
    'latin1',
  ),
])
const pageBits = Buffer.concat([
  TEST_HEAD,
  Buffer.from('\x05\x1econfiguration/target-page-bits\0\0\0\x01\0\0\0\x0c', 'latin1'),
  capabilities.subarray(TEST_HEAD.length),
])

const streamHead: FuzzParser = {
  name: 'stream-head',
  seeds: () => [TEST_HEAD, capabilities, pageBits],
  shapes: () => fieldShapes([TEST_HEAD, capabilities, pageBits], everywhere(100)),
  words: ['configuration/capabilities', '\x0amapped-ram', 'pc-q35-8.0', '\x05', '\x07'],
  expected,
  run: (input) => {
    machineOf(input)
    flushesEachSection(input)
    const without = withoutCapability(input, 'mapped-ram')
    withCapability(without, 'x')
    if (Buffer.from(withoutCapability(without, 'mapped-ram')).compare(without) !== 0)
      throw new Broken('a capability is still there after it was removed')
  },
}

const mappedSeed = (): Uint8Array =>
  Buffer.concat([
    TEST_HEAD,
    mappedStart(2, 66 * 4096),
    serialiseMappedBlock(placeBlock('pc.ram', 64 * 4096, 65536)),
  ])

const mappedRam: FuzzParser = {
  name: 'mapped-ram',
  seeds: () => [mappedSeed()],
  shapes: () => fieldShapes([mappedSeed()], everywhere(90)),
  words: ['\x03ram\0\0\0\0\0\0\0\x04', 'QEVM'],
  expected,
  run: (input) => {
    const bytes = Buffer.from(input)
    const start = parseMappedStart(bytes)
    const from = bytes.subarray(start.length, start.length + MAX_MAPPED_BLOCK_LENGTH)
    const { headerLength, ...block } = parseMappedBlock(from)
    const safe = [block.length, block.bitmapOffset, block.pagesOffset].every(Number.isSafeInteger)
    const isText = !block.name.includes('\ufffd')
    if (safe && isText && !serialiseMappedBlock(block).equals(from.subarray(0, headerLength)))
      throw new Broken('a block header differs after it was read and written')
  },
}

const packet = (): Uint8Array =>
  Buffer.concat([
    serialiseMultifdInit({ vmUuid: new Uint8Array(16), channel: 1 }),
    serialiseMultifdPacket({ number: 3, block: 'pc.ram', firstPage: 7, pageCount: 3 }),
  ])

const multifd: FuzzParser = {
  name: 'multifd',
  seeds: () => [packet()],
  shapes: () =>
    fieldShapes([packet()], everywhere(MULTIFD_INIT_LENGTH + MULTIFD_HEADER_LENGTH + 40)),
  words: ['\x11\x22\x33\x44', 'pc.ram\0'],
  expected,
  run: (input) => {
    // Its callers read the whole packet first.
    const bytes = Buffer.concat([input, Buffer.alloc(MULTIFD_INIT_LENGTH + MULTIFD_PACKET_LENGTH)])
    parseMultifdInit(bytes.subarray(0, MULTIFD_INIT_LENGTH))
    const rest = bytes.subarray(MULTIFD_INIT_LENGTH, MULTIFD_INIT_LENGTH + MULTIFD_PACKET_LENGTH)
    for (const compression of MULTIFD_COMPRESSIONS)
      outcome(() => parseMultifdHeader(rest, compression))
    const { normalPages, zeroPages } = parseMultifdHeader(rest)
    const table = rest.subarray(MULTIFD_HEADER_LENGTH)
    const pages = readPageNumbers(table, 0, normalPages)
    readPageNumbers(table, normalPages, zeroPages)
    checkLayout(pages)
  },
}

function checkLayout(pages: readonly number[]): void {
  const layout = layoutPacket(pages, MULTIFD_PACKET_PAGES)
  if (layout === undefined) {
    if (new Set(pages).size === pages.length)
      throw new Broken('a packet without a page twice is refused')
    return
  }
  const ranges = [...layout.reads, ...layout.gaps].toSorted((a, b) => a.slotOffset - b.slotOffset)
  let end = 0
  for (const { slotOffset, length } of ranges) {
    if (slotOffset !== end)
      throw new Broken('a slot has a hole, or bytes of two pages in one place')
    end = slotOffset + length
  }
  const laid = layout.segments.reduce((sum, { pageCount }) => sum + pageCount, 0)
  if (end !== laid * 4096 || end > MULTIFD_PACKET_PAGES * 4096)
    throw new Broken('a slot is too small')
}

const returned = (): Uint8Array =>
  Buffer.from(
    [
      '0003000f0000000000003000000010000270611',
      '0004000c000000000000500000001000',
      '0005000302726100000000000000080300000000000000' + '0123456789abcdef',
      '0006000400000001' + '0001000400000000',
    ]
      .map((text) => (text.length % 2 === 0 ? text : `${text.slice(0, -3)}7261`))
      .join(''),
    'hex',
  )

const returnPath: FuzzParser = {
  name: 'return-path',
  seeds: () => [returned()],
  shapes: () => fieldShapes([returned()], everywhere(80)),
  words: ['\x01\x23\x45\x67\x89\xab\xcd\xef', '\x02ra'],
  expected,
  run: (input) => {
    const feed = (step: number): unknown => {
      const parser = new ReturnPathParser()
      const found: unknown[] = []
      for (let at = 0; at < input.length; at += step)
        found.push(...parser.feed(input.subarray(at, at + step)))
      return [found, Buffer.from(parser.rest).toString('hex')]
    }
    const whole = outcome(() => feed(Math.max(1, input.length)))
    const pieces = outcome(() => feed(1 + (input.length % 7)))
    if (!isDeepStrictEqual(whole, pieces))
      throw new Broken('the return path parses differently in pieces')
    return typeof whole !== 'string'
  },
}

const deviceState: FuzzParser = {
  name: 'device-state',
  seeds: () => [TEST_TAIL, tinyStream(), describedTail()],
  shapes: () => fieldShapes([describedTail()], everywhere(60)),
  words: ['\0\x06\0\0\0\x02{}', '"devices":[', '{"name":"a","instance_id":0,"version":1}', 'null'],
  expected,
  run: (input) => {
    const bytes = Buffer.from(input)
    const end = endOfSections(bytes)
    if (end === undefined) return false
    const devices = describedDevices(bytes.subarray(end))
    if (
      devices.some(({ name, version }) => typeof name !== 'string' || typeof version !== 'number')
    )
      throw new Broken('a device without a name or a version')
    const state = {
      head: TEST_HEAD,
      ramSection: 2,
      sections: bytes.subarray(0, end),
      tail: bytes.subarray(end),
    }
    const blocks = [{ name: 'pc.ram', length: 4096 }]
    const stream = Buffer.concat([incomingHead(state, blocks), ramEnd(2), incomingDevices(state)])
    const nothing = (): void => undefined
    const parser = new MainStreamParser({ blocks: nothing, zeroPages: nothing, page: nothing })
    parser.feed(stream)
    const again = parser.finish()
    if (!Buffer.from(again.sections).equals(state.sections))
      throw new Broken('the device state changes')
    return true
  },
}

function describedTail(): Uint8Array {
  const text = Buffer.from(
    '{"page_size":4096,"devices":[{"name":"timer","instance_id":0,"version":2}]}',
  )
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([Buffer.from([4, 1, 2, 3, 0x7e, 0, 0, 0, 9, 0, 6]), length, text])
}

/** What QEMU sends, and what its streams in images contain. */
export const wireParsers: readonly FuzzParser[] = [
  chunkedStream,
  streamHead,
  mappedRam,
  multifd,
  returnPath,
  deviceState,
]
