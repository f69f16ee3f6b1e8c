import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stateDigest } from './state-digest.ts'

const STATE = {
  head: Buffer.from('head'),
  ramSection: 2,
  sections: Buffer.from('sections'),
  tail: Buffer.from('tail'),
}

test('stateDigest() depends on head and device sections only', () => {
  const digest = stateDigest(STATE)
  assert.match(digest, /^[0-9a-f]{64}$/)
  assert.equal(stateDigest({ ...STATE, ramSection: 3, tail: new Uint8Array(0) }), digest)
  assert.notEqual(stateDigest({ ...STATE, head: Buffer.from('Head') }), digest)
  assert.notEqual(stateDigest({ ...STATE, sections: Buffer.from('Sections') }), digest)
})
