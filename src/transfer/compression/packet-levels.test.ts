import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choosePacketLevels } from './packet-levels.ts'

const work = {
  ...{ sourceMs: 0, slotMs: 0, receiveMs: 1, packMs: 1 },
  ...{ bytes: 4096, storedBytes: 4096, level: 1 },
}
const disk = { bytes: 0, ms: 0 }
const options = { threads: 2, waitsForDisk: true }

test('choosePacketLevels() keeps a fixed level, and has none without a codec', () => {
  for (const [codec, level, expected] of [
    ['zstd', 5, 5],
    ['none', 'adaptive', undefined],
  ] as const) {
    const levels = choosePacketLevels(codec, level, options)
    assert.equal(levels.first, expected)
    assert.equal(levels.next(work, disk), expected)
  }
})

test('choosePacketLevels() compresses everything where the speed of the disk does not show', () => {
  const levels = choosePacketLevels('zstd', 'adaptive', {
    ...options,
    waitsForDisk: false,
  })
  for (let packet = 0; packet < 500; packet += 1) assert.equal(levels.next(work, disk), 1)
})
