import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { sha256Hex } from './sha256.ts'

test('sha256Hex() agrees with node:crypto for every length around the ends of blocks', () => {
  for (let length = 0; length < 300; length += 1) {
    const text = Array.from({ length }, (_, at) =>
      String.fromCharCode(32 + ((at * 7 + length) % 90)),
    ).join('')
    assert.equal(sha256Hex(text), createHash('sha256').update(text).digest('hex'))
  }
  assert.equal(sha256Hex('Gäste'), createHash('sha256').update('Gäste').digest('hex'))
})
