import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HandOver, packHandOver, unpackHandOver } from './hand-over.ts'

const handOver: HandOver = {
  sent: [Uint8Array.of(1, 0, 0, 0x80), Uint8Array.of(0xff, 0, 0, 0)],
  requested: [{ block: 1, firstPage: 2, pageCount: 16 }],
  requests: [{ block: 'pc.ram', start: 4096, length: 4096 }],
  requestCount: 7,
  returnPath: { block: 'pc.ram', rest: Uint8Array.of(0, 4, 0) },
}

test('unpackHandOver() parses what packHandOver() made', () => {
  const found = unpackHandOver(packHandOver(handOver))
  assert.deepEqual(
    { ...found, sent: found.sent.map((bits) => [...bits]), returnPath: undefined },
    { ...handOver, sent: handOver.sent.map((bits) => [...bits]), returnPath: undefined },
  )
  assert.equal(found.returnPath.block, 'pc.ram')
  assert.deepEqual([...found.returnPath.rest], [0, 4, 0])
})

test('unpackHandOver() refuses truncated data', () => {
  const bytes = packHandOver(handOver)
  for (let length = 0; length < bytes.length; length += 1)
    assert.throws(() => unpackHandOver(bytes.subarray(0, length)), { code: 'INTERNAL' })
})
