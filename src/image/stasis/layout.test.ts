import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImageError } from '../../errors.ts'
import { parseFooter, serialiseFooter } from './footer.ts'
import { FRAME_RECORD_LENGTH, type Frame, FrameTable } from './frame-table.ts'
import {
  BLOCK_RECORD_LENGTH,
  INDEX_HEAD_LENGTH,
  type StasisIndex,
  parseIndex,
  serialiseIndex,
} from './layout.ts'

const place = { path: '/images/web.stasis', offset: 0x1_2345_6000 }

const frame: Frame = {
  offset: 0x1_0000_0008,
  storedLength: 1234,
  crc: 0xfedcba98,
  firstPage: 256,
  pageCount: 256,
  block: 1,
  codec: 'zstd',
}

function index(): StasisIndex {
  const frames = new FrameTable()
  frames.append(frame)
  frames.append({ ...frame, firstPage: 0, codec: 'zlib' })
  frames.append({ ...frame, block: 0, firstPage: 0xffff_ffff, codec: 'none' })
  return {
    head: { offset: 0x2_0000_0000, length: 100, crc: 7 },
    device: { offset: 0x2_0000_1000, length: 5000, crc: 8, sectionsLength: 4000 },
    ramSection: 3,
    blocks: [
      { name: 'pc.ram', length: 0x10_0000_0000, linearOffset: 0x10_0000 },
      { name: '/rom@etc/acpi/täbles', length: 4096, linearOffset: undefined },
    ],
    frames,
  }
}

test('parseIndex() parses what serialiseIndex() wrote, frames in order', () => {
  const { frames, ...rest } = parseIndex(serialiseIndex(index()), place)
  const { frames: _, ...expected } = index()
  assert.deepEqual(rest, expected)
  assert.equal(frames.count, 3)
  assert.deepEqual(
    [0, 1, 2].map((at) => frames.block(at)),
    [0, 1, 1],
  )
  assert.deepEqual(
    [0, 1, 2].map((at) => frames.firstPage(at)),
    [0xffff_ffff, 0, 256],
  )
  assert.deepEqual(
    [0, 1, 2].map((at) => frames.codec(at)),
    ['none', 'zlib', 'zstd'],
  )
  assert.equal(frames.offset(2), frame.offset)
  assert.equal(frames.storedLength(2), 1234)
  assert.equal(frames.crc(2), 0xfedcba98)
  assert.equal(frames.pageCount(2), 256)
})

test('FrameTable stores many frames and sorts them when they were appended backwards', () => {
  const frames = new FrameTable()
  for (let at = 5000; at > 0; at -= 1) frames.append({ ...frame, firstPage: at, offset: at * 8 })
  const bytes = new Uint8Array(5000 * FRAME_RECORD_LENGTH)
  frames.sortInto(bytes)
  const sorted = new FrameTable(bytes)
  assert.equal(sorted.count, 5000)
  assert.equal(sorted.firstPage(0), 1)
  assert.equal(sorted.offset(4999), 40000)
})

const damages: readonly [string, (bytes: Buffer) => Uint8Array, RegExp, number][] = [
  ['its magic is wrong', (b) => (b.write('X', 0), b), /does not start with its magic/, 0],
  ['it is shorter than its head', (b) => b.subarray(0, 60), /does not start with its magic/, 0],
  ['it has no block', (b) => (b.writeUInt32LE(0, 12), b), /0 blocks/, 12],
  ['it has too many blocks', (b) => (b.writeUInt32LE(4097, 12), b), /4097 blocks/, 12],
  ['its frames exceed it', (b) => (b.writeUInt32LE(0xffffffff, 16), b), /4294967295 frames/, 16],
  ['it is cut', (b) => b.subarray(0, b.length - FRAME_RECORD_LENGTH), /3 frames/, 16],
  ['its page size is another', (b) => (b.writeUInt32LE(16384, 20), b), /16384 bytes/, 20],
  ['the head is too short', (b) => (b.writeUInt32LE(7, 32), b), /stream head cannot have 7/, 32],
  [
    'the head is too long',
    (b) => (b.writeUInt32LE(65537, 32), b),
    /stream head cannot have 65537/,
    32,
  ],
  [
    'there is no device state',
    (b) => (b.writeUInt32LE(0, 48), b),
    /device state cannot have 0/,
    48,
  ],
  ['the device state is too long', (b) => (b.writeUInt32LE(2 ** 30 + 1, 48), b), /1073741825/, 48],
  [
    'the end mark is outside',
    (b) => (b.writeUInt32LE(5001, 56), b),
    /5001 bytes of a device state of 5000/,
    56,
  ],
  [
    'a block has no name',
    (b) => (b.fill(0, 64, 320), b),
    /block 0 has no valid name/,
    INDEX_HEAD_LENGTH,
  ],
  [
    'a name has no end',
    (b) => (b.fill(65, 352, 608), b),
    /block 1 has no valid name/,
    INDEX_HEAD_LENGTH + BLOCK_RECORD_LENGTH,
  ],
  [
    'a name is no UTF-8',
    (b) => (b.fill(0xff, 64, 66), b),
    /block 0 has no valid name/,
    INDEX_HEAD_LENGTH,
  ],
  [
    'bytes follow the name',
    (b) => (b.writeUInt8(1, 319), b),
    /block 0 has no valid name/,
    INDEX_HEAD_LENGTH,
  ],
  [
    'a name comes twice',
    (b) => (b.copyWithin(352, 64, 320), b),
    /two blocks have the name pc.ram/,
    INDEX_HEAD_LENGTH + BLOCK_RECORD_LENGTH,
  ],
]

for (const [when, damage, message, at] of damages) {
  test(`parseIndex() refuses with the offset when ${when}`, () => {
    const bytes = damage(Buffer.from(serialiseIndex(index())))
    assert.throws(
      () => parseIndex(bytes, place),
      (error) =>
        error instanceof ImageError &&
        error.code === 'IMAGE_CORRUPT' &&
        error.offset === place.offset + at &&
        message.test(error.message),
    )
  })
}

test('parseIndex() throws IMAGE_TOO_NEW for a newer version', () => {
  const bytes = Buffer.from(serialiseIndex(index()))
  bytes.writeUInt32LE(3, 8)
  assert.throws(() => parseIndex(bytes, place), { code: 'IMAGE_TOO_NEW' })
})

const footer = {
  indexOffset: 0x1f_ffff_f000,
  indexLength: 0x1_0000_0001,
  indexCrc: 0xffff_ffff,
  imageId: Uint8Array.from({ length: 16 }, (_, at) => 0xf0 + at),
}

test('parseFooter() parses what serialiseFooter() wrote', () => {
  assert.deepEqual(parseFooter(serialiseFooter(footer), place), footer)
})

test('parseFooter() refuses when any bit is flipped', () => {
  for (let bit = 0; bit < 64 * 8; bit += 1) {
    const bytes = serialiseFooter(footer)
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    assert.throws(() => parseFooter(bytes, place), { code: 'IMAGE_CORRUPT', offset: place.offset })
  }
})

test('parseFooter() refuses a truncated footer', () => {
  assert.throws(() => parseFooter(serialiseFooter(footer).subarray(0, 63), place), {
    code: 'IMAGE_CORRUPT',
  })
})
