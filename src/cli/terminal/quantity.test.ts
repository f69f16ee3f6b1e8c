import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatCount, formatDuration, formatTimeLeft } from './quantity.ts'

test('formatBytes() picks the unit that keeps numbers short', () => {
  assert.equal(formatBytes(0), '0 B')
  assert.equal(formatBytes(1023), '1023 B')
  assert.equal(formatBytes(1536), '1.5 KiB')
  assert.equal(formatBytes(812 * 2 ** 20), '812 MiB')
  assert.equal(formatBytes(3.25 * 2 ** 30), '3.3 GiB')
})

test('formatDuration() and formatTimeLeft() are as exact as is useful', () => {
  assert.equal(formatDuration(420), '0.42 s')
  assert.equal(formatDuration(17_000), '17.0 s')
  assert.equal(formatDuration(200_000), '3 min 20 s')
  assert.equal(formatDuration(7_260_000), '2 h 1 min')
  assert.equal(formatTimeLeft(2100), '3 s')
})

test('formatCount() has the plural for all but one', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => formatCount(count, 'domain')),
    ['0 domains', '1 domain', '2 domains'],
  )
})
