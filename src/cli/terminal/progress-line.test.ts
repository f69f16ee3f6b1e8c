import assert from 'node:assert/strict'
import { test } from 'node:test'
import { displayWidth } from './display-width.ts'
import { progressLine } from './progress-line.ts'

const measure = {
  percent: 43.7,
  ramBytes: 1.75 * 2 ** 30,
  ramTotalBytes: 4 * 2 ** 30,
  transferredBytes: 2 ** 30,
  fileBytes: 2 ** 29,
  rateBytesPerSecond: 812 * 2 ** 20,
  channelBytes: [26, 24, 25, 25],
  elapsedMs: 2000,
  etaMs: 2600,
}

test('progressLine() shows percent, bytes, rate, balance of channels and time left', () => {
  assert.equal(
    progressLine({ phase: 'transferring', ...measure }, 200),
    'Saving  43 %  1.8 GiB of 4.0 GiB  812 MiB/s  channels 26/24/25/25 %  3 s left',
  )
})

test('progressLine() shows the range when there are many channels', () => {
  const channelBytes = [...Array.from({ length: 15 }, () => 6), 10]
  assert.match(
    progressLine({ phase: 'loading', ...measure, channelBytes }, 200),
    /16 channels 6 to 10 %/,
  )
})

test('progressLine() never fills the last column', () => {
  const line = progressLine({ phase: 'waiting-for-reader', path: '/仮想/機械/画像' }, 40)
  assert.equal(displayWidth(line), 39)
})

test('progressLine() keeps percent and time left on narrow terminals', () => {
  for (const columns of [80, 60, 40, 24]) {
    const line = progressLine({ phase: 'transferring', ...measure }, columns)
    assert.match(line, /43 %.* 3 s left$/, line)
    assert.ok(line.length < columns, line)
  }
  assert.equal(
    progressLine({ phase: 'transferring', ...measure }, 40),
    'Saving  43 %  812 MiB/s  3 s left',
  )
})
