import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseShare, diskRatio } from './compression-mix.ts'

const costs = { receiveMs: 0.2, compressMs: 0.4, diskMs: 0, removed: 0.4 }

test('chooseShare() spends 30 % of the time of an uncompressed save on compressing if the disk is fast', () => {
  const share = chooseShare(costs)
  assert.ok(Math.abs(share * costs.compressMs - 0.3 * costs.receiveMs) < 1e-9)
  // What is measured of a disk that hardly slows a save down is not exact.
  assert.equal(chooseShare({ ...costs, diskMs: 0.3 }), share)
})

test('chooseShare() compresses more the slower the disk is, and everything on a slow one', () => {
  const shares = [0.3, 0.4, 0.6, 1, 3].map((diskMs) => chooseShare({ ...costs, diskMs }))
  assert.deepEqual(
    shares,
    shares.toSorted((one, other) => one - other),
  )
  assert.equal(shares.at(-1), 1)
})

test('chooseShare() never takes much longer than the fastest mix', () => {
  for (const diskMs of [0.1, 0.25, 0.5, 1, 2]) {
    const time = (share: number): number =>
      Math.max(costs.receiveMs + share * costs.compressMs, (1 - share * costs.removed) * diskMs)
    const fastest = Math.min(...Array.from({ length: 101 }, (_, at) => time(at / 100)))
    assert.ok(time(chooseShare({ ...costs, diskMs })) < fastest * 1.301)
  }
})

test('diskRatio() is above 1 if the disk is slower than compressing everything', () => {
  assert.ok(diskRatio({ ...costs, diskMs: 2 }) > 1)
  assert.ok(diskRatio({ ...costs, diskMs: 0.5 }) < 1)
})
