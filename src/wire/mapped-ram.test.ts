import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import {
  mappedStart,
  parseMappedBlock,
  parseMappedStart,
  placeBlock,
  serialiseMappedBlock,
} from './mapped-ram.ts'

const HEAD = Buffer.from([0x51, 0x45, 0x56, 0x4d, 0, 0, 0, 3, 7, 0, 0, 0, 2, 0x70, 0x63])

test('parseMappedStart() parses what mappedStart() wrote', () => {
  const start = Buffer.concat([HEAD, mappedStart(5, 0x1_2345_6000)])
  const { head, ramSection, totalLength, length } = parseMappedStart(start)
  assert.deepEqual(Buffer.from(head), HEAD)
  assert.deepEqual([ramSection, totalLength, length], [5, 0x1_2345_6000, start.length])
})

test('parseMappedStart() refuses other data, and a stream without a RAM section', () => {
  assert.throws(() => parseMappedStart(Buffer.alloc(100)), {
    kind: 'corrupt',
    message: /not a QEMU stream/,
  })
  assert.throws(() => parseMappedStart(HEAD.subarray(0, 7)), { kind: 'truncated' })
  assert.throws(() => parseMappedStart(Buffer.concat([HEAD, Buffer.alloc(9)])), {
    kind: 'truncated',
    message: /ends before/,
  })
  const long = Buffer.concat([HEAD, Buffer.alloc(128 * 1024)])
  assert.throws(() => parseMappedStart(long), { kind: 'corrupt', message: /no RAM section/ })
})

test('parseMappedBlock() parses what serialiseMappedBlock() wrote, and placeBlock() places it as QEMU does', () => {
  const block = placeBlock('pc.ram', 16 * 1024 * 1024, 0x10f80)
  assert.equal(block.bitmapOffset, 0x10f80 + 1 + 6 + 8 + 28)
  assert.equal(block.pagesOffset, 0x100000)
  const bytes = serialiseMappedBlock(block)
  assert.deepEqual(parseMappedBlock(bytes), { ...block, headerLength: bytes.length })
  assert.throws(() => parseMappedBlock(bytes.subarray(0, -1)), {
    kind: 'truncated',
    message: /ends early/,
  })
  bytes.writeUInt32BE(2, 1 + 6 + 8)
  assert.throws(() => parseMappedBlock(bytes), { kind: 'unsupported', message: /version 2/ })
  bytes.writeUInt8(0, 0)
  assert.throws(() => parseMappedBlock(bytes), { kind: 'corrupt', message: /no name/ })
})
