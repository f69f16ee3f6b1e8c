import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AnnouncedBlock,
  type MainStreamOptions,
  MainStreamParser,
  type RamHandler,
} from './main-stream.ts'
import { RAM_FLAG, SECTION, STREAM_MAGIC } from './stream-constants.ts'
import { WireError } from './wire-error.ts'

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
const text = (value: string): Buffer => Buffer.from([value.length, ...Buffer.from(value)])
const word = (page: number, flags: number): Buffer => u64(BigInt(page) * 4096n + BigInt(flags))
const footer = Buffer.concat([Buffer.from([SECTION.FOOTER]), u32(2)])
const eos = Buffer.concat([u64(BigInt(RAM_FLAG.EOS)), footer])

const configuration = Buffer.concat([
  Buffer.from([SECTION.CONFIGURATION]),
  u32(6),
  Buffer.from('pc-q35'),
])
const start = Buffer.concat([
  ...[Buffer.from([SECTION.START]), u32(2), text('ram'), u32(0), u32(4)],
  ...[
    u64(5n * 4096n + BigInt(RAM_FLAG.MEM_SIZE)),
    text('pc.ram'),
    u64(4n * 4096n),
    text('rom'),
    u64(4096n),
    eos,
  ],
])
const part = Buffer.concat([
  ...[Buffer.from([SECTION.PART]), u32(2)],
  ...[word(0, RAM_FLAG.ZERO), text('pc.ram'), Buffer.from([0])],
  ...[word(1, RAM_FLAG.ZERO | RAM_FLAG.CONTINUE), Buffer.from([0])],
  ...[word(2, RAM_FLAG.PAGE | RAM_FLAG.CONTINUE), Buffer.alloc(4096, 9)],
  ...[word(0, RAM_FLAG.ZERO), text('rom'), Buffer.from([0])],
  ...[u64(BigInt(RAM_FLAG.MULTIFD_FLUSH)), eos],
])
const command = Buffer.concat([Buffer.from([SECTION.COMMAND, 0, 11, 0, 0])])
const end = Buffer.concat([Buffer.from([SECTION.END]), u32(2), eos])
const sections = Buffer.concat([
  Buffer.from([SECTION.FULL]),
  u32(3),
  Buffer.from('timer and \0\x06 things'),
])
const description = Buffer.from('{"page_size":4096}')
const tail = Buffer.concat([
  Buffer.from([SECTION.END_OF_STREAM, SECTION.DESCRIPTION]),
  u32(description.length),
  description,
])
const whole = Buffer.concat([
  STREAM_MAGIC,
  configuration,
  start,
  part,
  command,
  end,
  sections,
  tail,
])

function parse(
  stream: Buffer,
  chunkLength: number,
  options: MainStreamOptions = {},
): { parser: MainStreamParser; log: string[] } {
  const log: string[] = []
  const handler: RamHandler = {
    blocks: (blocks: readonly AnnouncedBlock[]) =>
      log.push(blocks.map(({ name, length }) => `${name}=${length}`).join(' ')),
    zeroPages: (block, first, count) => log.push(`zero ${block} ${first} ${count}`),
    page: (block, page, bytes) => log.push(`page ${block} ${page} ${bytes[0]} ${bytes.length}`),
  }
  const parser = new MainStreamParser(handler, options)
  for (let at = 0; at < stream.length; at += chunkLength)
    parser.feed(stream.subarray(at, at + chunkLength))
  return { parser, log }
}

test('MainStreamParser parses a stream, whole or byte by byte', () => {
  for (const chunkLength of [whole.length, 1, 7, 4096]) {
    const { parser, log } = parse(whole, chunkLength)
    const stream = parser.finish()
    assert.equal(log[0], 'pc.ram=16384 rom=4096')
    assert.ok(log.includes('page 0 2 9 4096'))
    assert.ok(log.includes('zero 1 0 1'))
    const zeros = log
      .filter((line) => line.startsWith('zero 0'))
      .map((line) => Number(line.split(' ')[3]))
    assert.equal(
      zeros.reduce((sum, count) => sum + count, 0),
      2,
    )
    assert.deepEqual(Buffer.from(stream.head), Buffer.concat([STREAM_MAGIC, configuration]))
    assert.equal(stream.ramSection, 2)
    assert.deepEqual(Buffer.from(stream.sections), sections)
    assert.deepEqual(Buffer.from(stream.tail), tail)
  }
})

test('MainStreamParser finds the end of a stream without description', () => {
  const bare = Buffer.concat([STREAM_MAGIC, configuration, start, end, sections, Buffer.from([0])])
  const stream = parse(bare, bare.length).parser.finish()
  assert.deepEqual(Buffer.from(stream.sections), sections)
  assert.deepEqual([...stream.tail], [0])
})

test('MainStreamParser takes device state after a part of RAM only from a stream with open RAM', () => {
  const open = Buffer.concat([STREAM_MAGIC, configuration, start, part, sections, tail])
  for (const chunkLength of [open.length, 1, 7]) {
    const { parser, log } = parse(open, chunkLength, { hasOpenRam: true })
    assert.ok(log.includes('page 0 2 9 4096'))
    assert.deepEqual(Buffer.from(parser.finish().sections), sections)
  }
  assert.throws(() => parse(open, open.length), WireError)
  const early = Buffer.concat([STREAM_MAGIC, configuration, sections, tail])
  assert.throws(() => parse(early, early.length, { hasOpenRam: true }).parser.finish(), WireError)
})

test('MainStreamParser.finish() throws when the stream ends early', () => {
  for (const length of [
    4,
    12,
    60,
    whole.length - sections.length - tail.length,
    whole.length - 1,
  ]) {
    assert.throws(() => parse(whole.subarray(0, length), length).parser.finish(), WireError)
  }
})

test('MainStreamParser refuses a stream without RAM and reports the offset', () => {
  const foreign = Buffer.concat([
    Buffer.from([SECTION.START]),
    u32(3),
    text('vfio'),
    u32(0),
    u32(1),
    Buffer.alloc(16),
  ])
  const begun = [STREAM_MAGIC, configuration, start]
  const part = (section: number, ...record: readonly Buffer[]): Buffer =>
    Buffer.concat([...begun, Buffer.from([SECTION.PART]), u32(section), ...record])
  const wrong = [
    Buffer.from('no stream of QEMU'),
    Buffer.concat([...begun, foreign]),
    part(9, eos),
    part(2, word(4, RAM_FLAG.ZERO), text('pc.ram'), Buffer.from([0])),
    part(2, word(0, RAM_FLAG.ZERO), text('none'), Buffer.from([0])),
    part(2, word(0, 0x40), text('pc.ram'), Buffer.alloc(20)),
  ]
  for (const stream of wrong)
    assert.throws(
      () => parse(stream, stream.length),
      (error) => error instanceof WireError && error.offset >= 0,
    )
})
