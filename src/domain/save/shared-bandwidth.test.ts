import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedBandwidth } from './shared-bandwidth.ts'

test('SharedBandwidth gives all the same part, and updates it when one joins or leaves', () => {
  const shared = new SharedBandwidth(1000)
  const reported: number[] = []
  using first = shared.join((rate) => reported.push(rate))
  assert.equal(first.bytesPerSecond, 1000)
  {
    using second = shared.join(() => undefined)
    assert.deepEqual([first.bytesPerSecond, second.bytesPerSecond], [500, 500])
    using third = shared.join(() => undefined)
    assert.equal(third.bytesPerSecond, 333)
  }
  assert.equal(first.bytesPerSecond, 1000)
  assert.deepEqual(reported, [500, 333, 500, 1000])
})

test('SharedBandwidth refuses an invalid rate', () => {
  for (const rate of [0, -1, 1.5, Number.NaN, Infinity])
    assert.throws(() => new SharedBandwidth(rate), { code: 'BAD_ARGUMENT' })
})
