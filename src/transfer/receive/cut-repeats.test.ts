import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '../../io/crc32c.ts'
import { BoundaryPages } from '../boundary-pages.ts'
import { cutRepeats } from './cut-repeats.ts'
import type { ReceivedPiece } from './receive-job.ts'

const PAGE = 4096
const slots = new SharedArrayBuffer(16 * PAGE)
new Uint8Array(slots).forEach((_, at, bytes) => (bytes[at] = Math.floor(at / PAGE) + 1))

/** Pages that are in the slots from page `at` on. */
function piece(firstPage: number, pageCount: number, at: number): ReceivedPiece {
  const bytes = new Uint8Array(slots, at * PAGE, pageCount * PAGE)
  const place = { slotOffset: at * PAGE, compressed: false, offset: at * PAGE }
  return { firstPage, pageCount, ...place, length: bytes.length, crc: crc32c(bytes) }
}

const place = (stored: readonly number[]) => ({
  ...{ block: 0, slots },
  isStored: (page: number) => stored.includes(page),
})

test('cutRepeats() keeps pages that arrive for the first time', () => {
  const pieces = [piece(5, 2, 0), piece(9, 1, 2)]
  assert.deepEqual(cutRepeats(pieces, new BoundaryPages(), place([])), pieces)
})

test('cutRepeats() removes the last page of one packet from the next', () => {
  const boundaries = new BoundaryPages()
  cutRepeats([piece(5, 3, 0)], boundaries, place([]))
  const stored = place([5, 6, 7])
  const compressed = { ...piece(7, 3, 2), compressed: true, offset: 77, length: 99, crc: 1 }
  assert.deepEqual(cutRepeats([compressed, piece(20, 1, 9)], boundaries, stored), [
    piece(8, 2, 3),
    piece(20, 1, 9),
  ])
  assert.deepEqual(cutRepeats([piece(7, 1, 2)], boundaries, stored), [])
})

test('cutRepeats() keeps a page that arrived before with other content', () => {
  const boundaries = new BoundaryPages()
  cutRepeats([piece(5, 3, 0)], boundaries, place([]))
  const changed = [piece(7, 1, 9)]
  assert.deepEqual(cutRepeats(changed, boundaries, place([5, 6, 7])), changed)
})

test('cutRepeats() keeps a page from the middle of a packet', () => {
  const boundaries = new BoundaryPages()
  cutRepeats([piece(5, 3, 0)], boundaries, place([]))
  const again = [piece(6, 1, 1)]
  assert.deepEqual(cutRepeats(again, boundaries, place([5, 6, 7])), again)
})
