import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PageBitmap } from './page-bitmap.ts'

test('PageBitmap finds the next page that is marked, or is not, across and inside words', () => {
  const map = new PageBitmap(200)
  map.mark(31, 2)
  map.mark(64, 64)
  map.mark(199, 1)
  const next = (marked: boolean, pages: readonly number[]): readonly number[] =>
    pages.map((page) => map.next(page, 200, marked))
  assert.deepEqual(next(true, [0, 31, 32, 33, 64, 100, 128, 199, 200]), [
    ...[31, 31, 32, 64, 64, 100, 199, 199, 200],
  ])
  assert.deepEqual(next(false, [0, 31, 32, 63, 64, 127, 198, 199]), [
    ...[0, 33, 33, 63, 128, 128, 198, 200],
  ])
  assert.equal(map.next(33, 64, true), 64)
  assert.equal(map.next(33, 50, true), 50)
  assert.equal(map.next(64, 100, false), 100)
})

test('PageBitmap takes memory only where pages are marked', () => {
  const before = process.memoryUsage().arrayBuffers
  const maps = Array.from({ length: 64 }, () => new PageBitmap(2 ** 32))
  const [map] = maps
  assert.equal(map?.mark(2 ** 32 - 1, 1), undefined)
  assert.equal(map?.mark(2 ** 32 - 2, 2), 2 ** 32 - 1)
  assert.deepEqual([map?.has(2 ** 32 - 2), map?.has(0), map?.count], [true, false, 2])
  assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024)
})

test('PageBitmap.unmark() removes marks, and ignores pages without one', () => {
  const map = new PageBitmap(200)
  map.mark(30, 10)
  map.unmark(35, 100)
  map.unmark(0, 31)
  assert.deepEqual([...map.runs()], [31, 4])
  assert.equal(map.count, 4)
})
