import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ring } from './ring.ts'

test('Ring gives places up to its end, then from its beginning, and never more than is free', () => {
  const ring = new Ring(10)
  assert.deepEqual(ring.place(0), { at: 0, length: 10 })
  assert.deepEqual(ring.take(7), { from: 0, to: 7 })
  assert.deepEqual(ring.place(0), { at: 7, length: 3 })
  assert.deepEqual(ring.take(3), { from: 7, to: 10 })
  assert.equal(ring.free(0), 0)
  assert.deepEqual(ring.place(7), { at: 0, length: 7 })
  assert.deepEqual(ring.take(4), { from: 10, to: 14 })
  assert.deepEqual(ring.place(7), { at: 4, length: 3 })
})

test('Ring.restart() goes back to the beginning only when everything was read', () => {
  const ring = new Ring(10)
  assert.equal(ring.restart(0), undefined)
  ring.take(4)
  assert.equal(ring.restart(3), undefined)
  assert.equal(ring.restart(4), 10)
  assert.deepEqual(ring.place(10), { at: 0, length: 10 })
})
