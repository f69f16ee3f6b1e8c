import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  MULTIFD_HEADER_LENGTH,
  parseMultifdHeader,
  parseMultifdInit,
  readPageNumbers,
} from './multifd-packet.ts'
import { WireError } from './wire-error.ts'

function header(fields: {
  flags?: number
  normal?: number
  data?: number
  zero?: number
  block?: string
}): Buffer {
  const bytes = Buffer.alloc(MULTIFD_HEADER_LENGTH)
  bytes.writeUInt32BE(0x11223344, 0)
  bytes.writeUInt32BE(1, 4)
  bytes.writeUInt32BE(fields.flags ?? 0, 8)
  bytes.writeUInt32BE(128, 12)
  bytes.writeUInt32BE(fields.normal ?? 0, 16)
  bytes.writeUInt32BE(fields.data ?? (fields.normal ?? 0) * 4096, 20)
  bytes.writeUInt32BE(fields.zero ?? 0, 32)
  bytes.write(fields.block ?? 'pc.ram', 64)
  return bytes
}

test('parseMultifdHeader() parses block, pages and the sync flag', () => {
  assert.deepEqual(parseMultifdHeader(header({ normal: 3, zero: 2, flags: 1 })), {
    sync: true,
    normalPages: 3,
    zeroPages: 2,
    dataLength: 3 * 4096,
    block: 'pc.ram',
  })
})

test('parseMultifdHeader() accepts a packet without pages that repeats an earlier data length', () => {
  assert.equal(parseMultifdHeader(header({ flags: 1, data: 524288 })).normalPages, 0)
})

test('parseMultifdHeader() refuses packets that it would misread', () => {
  const wrong = [
    header({ normal: 3, data: 4096 }),
    header({ normal: 100, zero: 29 }),
    header({ flags: 2 << 1 }),
    header({ flags: 64 }),
    header({ block: 'x'.repeat(256) }),
    header({}).fill(0, 0, 4),
    header({}).fill(9, 4, 8),
  ]
  for (const bytes of wrong) assert.throws(() => parseMultifdHeader(bytes), WireError)
})

test('parseMultifdInit() returns the number of the channel', () => {
  const bytes = Buffer.alloc(64)
  bytes.writeUInt32BE(0x11223344, 0)
  bytes.writeUInt32BE(1, 4)
  bytes.fill(7, 8, 24)
  bytes[24] = 5
  const init = parseMultifdInit(bytes)
  assert.equal(init.channel, 5)
  assert.deepEqual(
    [...init.vmUuid],
    Array.from({ length: 16 }, () => 7),
  )
})

test('readPageNumbers() reads offsets beyond 4 GiB and refuses unaligned ones', () => {
  const table = Buffer.alloc(16)
  table.writeBigUInt64BE(0x1_2345_6000n, 0)
  table.writeBigUInt64BE(1n, 8)
  assert.deepEqual(readPageNumbers(table, 0, 1), [0x123456])
  assert.throws(() => readPageNumbers(table, 1, 1), WireError)
})
