import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultReadahead } from './fault-readahead.ts'

test('FaultReadahead grows for a sequential reader, and not for a random one', () => {
  const sizes = new FaultReadahead()
  assert.equal(sizes.next(0, 100), 16)
  assert.equal(sizes.next(0, 116), 32)
  assert.equal(sizes.next(0, 5000), 16)
  // Another reader in between changes nothing, and neither do pages that were sent before.
  assert.equal(sizes.next(0, 150), 64)
  assert.equal(sizes.next(1, 214), 16)
  assert.equal(sizes.next(0, 214), 128)
  assert.equal(sizes.next(0, 342), 256)
  assert.equal(sizes.next(0, 598), 256)
  assert.equal(sizes.next(0, 50), 16)
})
