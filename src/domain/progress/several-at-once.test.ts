import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { severalAtOnce } from './several-at-once.ts'

test('severalAtOnce() returns the results in order and never exceeds the limit', async () => {
  let active = 0
  let most = 0
  const started: number[] = []
  const results = await severalAtOnce([30, 1, 20, 2, 10], 2, async (ms) => {
    started.push(ms)
    most = Math.max(most, ++active)
    await delay(ms)
    active -= 1
    return ms * 2
  })
  assert.deepEqual(results, [60, 2, 40, 4, 20])
  assert.deepEqual(started, [30, 1, 20, 2, 10])
  assert.equal(most, 2)
})

test('severalAtOnce() returns nothing for no items', async () => {
  assert.deepEqual(await severalAtOnce([], 3, () => assert.fail()), [])
})
