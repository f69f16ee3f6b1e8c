import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryMap } from './memory-map.ts'

const PAGE = 4096

test('MemoryMap shows for each part of the memory what most of it is', () => {
  const map = new MemoryMap([4 * PAGE, 2 * PAGE])
  assert.equal(map.shown().cells, '......')
  map.count(0, 0, 2, 'zero')
  map.count(0, 2, 1, 'compressed')
  map.count(1, 1, 1, 'raw')
  assert.deepEqual(map.shown(), {
    cells: 'zzc..r',
    zeroBytes: 2 * PAGE,
    compressedBytes: PAGE,
    rawBytes: PAGE,
  })
})

test('MemoryMap of a large guest has few cells, and counts runs across them', () => {
  const pages = 4 * 2 ** 18
  const map = new MemoryMap([pages * PAGE])
  map.count(0, 0, pages, 'zero')
  map.count(0, 0, pages / 2, 'zero', -1)
  map.count(0, 0, 3000, 'compressed')
  const { cells, zeroBytes, compressedBytes } = map.shown()
  assert.equal(cells.length, 512)
  assert.match(cells, /^c\.{255}z{256}$/)
  assert.deepEqual([zeroBytes, compressedBytes], [(pages / 2) * PAGE, 3000 * PAGE])
})

test('MemoryMap ignores pages after the end, and an empty one has no cells', () => {
  const map = new MemoryMap([])
  map.count(0, 0, 9, 'raw')
  assert.equal(map.shown().cells, '')
})
