import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerSize } from './fault-readahead.ts'

test('AnswerSize grows for who reads on, and not for who asks elsewhere', () => {
  const sizes = new AnswerSize()
  assert.equal(sizes.next(0, 100), 16)
  assert.equal(sizes.next(0, 116), 32)
  assert.equal(sizes.next(0, 5000), 16)
  // Another reader in between changes nothing, nor do pages that were there already.
  assert.equal(sizes.next(0, 150), 64)
  assert.equal(sizes.next(1, 214), 16)
  assert.equal(sizes.next(0, 214), 128)
  assert.equal(sizes.next(0, 342), 256)
  assert.equal(sizes.next(0, 598), 256)
  assert.equal(sizes.next(0, 50), 16)
})
