import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PacketLayout, layoutPacket } from './packet-layout.ts'

test('layoutPacket() makes one segment and one read from contiguous pages', () => {
  assert.deepEqual(layoutPacket([7, 8, 9], 256), {
    segments: [{ firstPage: 7, pageCount: 3, slotOffset: 0 }],
    reads: [{ slotOffset: 0, length: 3 * 4096 }],
    gaps: [],
  })
})

test('layoutPacket() bridges a small gap with zeros', () => {
  assert.deepEqual(layoutPacket([0, 3], 256), {
    segments: [{ firstPage: 0, pageCount: 4, slotOffset: 0 }],
    reads: [
      { slotOffset: 0, length: 4096 },
      { slotOffset: 3 * 4096, length: 4096 },
    ],
    gaps: [{ slotOffset: 4096, length: 2 * 4096 }],
  })
})

test('layoutPacket() cuts at a large gap, and packs the slot', () => {
  const { segments, reads } = layoutPacket([0, 1000], 256) as PacketLayout
  assert.deepEqual(segments, [
    { firstPage: 0, pageCount: 1, slotOffset: 0 },
    { firstPage: 1000, pageCount: 1, slotOffset: 4096 },
  ])
  assert.deepEqual(reads, [{ slotOffset: 0, length: 2 * 4096 }])
})

test('layoutPacket() puts pages in any order in their places', () => {
  assert.deepEqual(layoutPacket([4, 7, 5, 6], 256), {
    segments: [{ firstPage: 4, pageCount: 4, slotOffset: 0 }],
    reads: [
      { slotOffset: 0, length: 4096 },
      { slotOffset: 3 * 4096, length: 4096 },
      { slotOffset: 4096, length: 2 * 4096 },
    ],
    gaps: [],
  })
})

test('layoutPacket() refuses a packet that contains a page twice', () => {
  assert.equal(layoutPacket([4, 5, 4], 256), undefined)
})

test('layoutPacket() never uses more than the slot', () => {
  const pages = Array.from({ length: 128 }, (_, index) => index * 10)
  const { segments } = layoutPacket(pages, 256) as PacketLayout
  const total = segments.reduce((sum, segment) => sum + segment.pageCount, 0)
  assert.ok(total <= 256, `${total} pages`)
  assert.ok(segments.length > 1)
})
