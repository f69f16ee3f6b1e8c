import assert from 'node:assert/strict'
import { crc32c } from '../../io/crc32c.ts'
import { test } from 'node:test'
import { type ChannelTable, parseTable, parseTableEnd, serialiseTable } from './table.ts'

const place = { path: '/images/web', offset: 0x1_0000_0000 }

const table: ChannelTable = {
  imageId: Uint8Array.from({ length: 16 }, (_, at) => 0xf0 + at),
  mainLength: 0x2_0000_0001,
  mainCrc: 0xffff_ffff,
  channels: [
    { length: 0x3_0000_0007, crc: 1, headCrc: 2 },
    { length: 64, crc: 0x8000_0000, headCrc: 0 },
  ],
}

test('parseTable() parses what serialiseTable() wrote, parseTableEnd() returns its length', () => {
  const bytes = serialiseTable(table)
  assert.equal(parseTableEnd(bytes.subarray(-16), place), bytes.length)
  assert.deepEqual(parseTable(bytes, place), table)
})

test('parseTableEnd() or parseTable() refuses when any bit is flipped', () => {
  for (let bit = 0; bit < serialiseTable(table).length * 8; bit += 1) {
    const bytes = serialiseTable(table)
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    const parse = (): unknown => {
      const length = parseTableEnd(bytes.subarray(-16), place)
      return parseTable(bytes.subarray(0, length), place)
    }
    assert.throws(parse, { code: 'IMAGE_CORRUPT', offset: place.offset }, `bit ${bit}`)
  }
})

function signed(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(serialiseTable(table))
  change(bytes)
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, -8)), bytes.length - 8)
  return bytes
}

test('parseTable() refuses wrong contents with a correct checksum', () => {
  const corrupt = { code: 'IMAGE_CORRUPT' }
  assert.throws(
    () =>
      parseTable(
        signed((bytes) => bytes.write('X')),
        place,
      ),
    corrupt,
  )
  assert.throws(
    () =>
      parseTable(
        signed((bytes) => bytes.writeUInt32LE(3, 12)),
        place,
      ),
    corrupt,
  )
  assert.throws(
    () =>
      parseTable(
        signed((bytes) => bytes.writeUInt32LE(2, 8)),
        place,
      ),
    {
      code: 'IMAGE_TOO_NEW',
    },
  )
})

test('parseTableEnd() refuses impossible lengths', () => {
  for (const length of [0, 64, 81, 64 + 65 * 16, 0xffff_ffff]) {
    const bytes = Buffer.from(serialiseTable(table).subarray(-16))
    bytes.writeUInt32LE(length, 4)
    assert.throws(() => parseTableEnd(bytes, place), { code: 'IMAGE_CORRUPT' })
  }
  assert.throws(() => parseTableEnd(new Uint8Array(15), place), { code: 'IMAGE_CORRUPT' })
})
