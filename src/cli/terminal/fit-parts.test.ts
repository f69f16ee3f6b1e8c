import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fitParts } from './fit-parts.ts'

const PARTS = [
  { text: 'Saving', rank: 1 },
  { text: '43 %', rank: 0 },
  { text: '', rank: 0 },
  { text: '812 MiB/s', rank: 2 },
  { text: '3 s left', rank: 0 },
]

test('fitParts() leaves out the greatest ranks first, and never what has rank 0', () => {
  assert.equal(fitParts(PARTS, 33), 'Saving  43 %  812 MiB/s  3 s left')
  assert.equal(fitParts(PARTS, 32), 'Saving  43 %  3 s left')
  assert.equal(fitParts(PARTS, 21), '43 %  3 s left')
  assert.equal(fitParts(PARTS, 10), '43 %  3 s…')
  assert.equal(fitParts(PARTS, -1), '')
})
