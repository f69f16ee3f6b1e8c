import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LevelChooser, chooseLevel } from './compression-level.ts'

/** Its choice for the last of some pieces. */
function after(chooser: LevelChooser, pieces: number, diskIsBusy: boolean): number {
  let level = Number.NaN
  for (let piece = 0; piece < pieces; piece += 1) level = chooser.next(diskIsBusy)
  return level
}

test('chooseLevel() keeps a fixed level', () => {
  const chooser = chooseLevel('zstd', 5)
  assert.equal(after(chooser, 200, true), 5)
  assert.equal(after(chooser, 200, false), 5)
})

test('chooseLevel() compresses harder while the disk is the slower side', () => {
  const chooser = chooseLevel('zstd', 'adaptive')
  assert.equal(after(chooser, 31, true), 1)
  assert.equal(after(chooser, 1, true), 3)
  assert.equal(after(chooser, 32, false), 1)
})
