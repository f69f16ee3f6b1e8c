import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { splitByCompressibility } from './compressibility.ts'

test('splitByCompressibility() distinguishes random bytes from text', () => {
  const text = Buffer.alloc(128 * 1024, 'the quick brown fox jumps over the lazy dog 0123456789\n')
  const runs = splitByCompressibility(Buffer.concat([randomBytes(128 * 1024), text]))
  assert.deepEqual(runs, [
    { firstPage: 0, pageCount: 32, compressible: false },
    { firstPage: 32, pageCount: 32, compressible: true },
  ])
})

test('splitByCompressibility() leaves short random runs in their frame', () => {
  const zeros = Buffer.alloc(64 * 1024)
  const runs = splitByCompressibility(Buffer.concat([zeros, randomBytes(16 * 1024), zeros]))
  assert.deepEqual(runs, [{ firstPage: 0, pageCount: 36, compressible: true }])
})

test('splitByCompressibility() covers every page of an odd length', () => {
  const runs = splitByCompressibility(Buffer.alloc(5 * 4096))
  assert.deepEqual(runs, [{ firstPage: 0, pageCount: 5, compressible: true }])
})
