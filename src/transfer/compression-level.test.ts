import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Balance, type LevelChooser, chooseLevel } from './compression-level.ts'

const PROCESSOR_IS_SLOW: Balance = { diskIsBusy: false, sourceIsSlow: false }
const DISK_IS_SLOW: Balance = { diskIsBusy: true, sourceIsSlow: false }
const SOURCE_IS_SLOW: Balance = { diskIsBusy: false, sourceIsSlow: true }

/** Its choice for the next pieces under one balance. */
function choices(chooser: LevelChooser, balance: Balance, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => chooser.next(balance))
}

const compressed = (levels: readonly (number | undefined)[]): number =>
  levels.filter((level) => level !== undefined).length

test('chooseLevel() keeps a fixed level, and has none without a codec', () => {
  const options = { mayStore: true }
  const balances = [PROCESSOR_IS_SLOW, DISK_IS_SLOW, SOURCE_IS_SLOW]
  for (const balance of balances) {
    assert.deepEqual(new Set(choices(chooseLevel('zstd', 5, options), balance, 200)), new Set([5]))
    assert.equal(chooseLevel('none', 'adaptive', options).next(balance), undefined)
  }
})

test('chooseLevel() stores ever more pages while the disk waits for the processor', () => {
  const chooser = chooseLevel('zstd', 'adaptive', { mayStore: true })
  assert.equal(compressed(choices(chooser, PROCESSOR_IS_SLOW, 31)), 31, 'all at first')
  const shares = Array.from({ length: 5 }, () =>
    compressed(choices(chooser, PROCESSOR_IS_SLOW, 32)),
  )
  assert.deepEqual(shares, [24, 16, 8, 0, 0])
})

test('chooseLevel() compresses all, and then harder, once the disk is the slower side', () => {
  const chooser = chooseLevel('zstd', 'adaptive', { mayStore: true })
  choices(chooser, PROCESSOR_IS_SLOW, 200)
  choices(chooser, DISK_IS_SLOW, 200)
  assert.deepEqual(new Set(choices(chooser, DISK_IS_SLOW, 100)), new Set([3]))
})

test('chooseLevel() keeps what it does while disk and processor wait for the source', () => {
  const chooser = chooseLevel('zstd', 'adaptive', { mayStore: true })
  assert.deepEqual(new Set(choices(chooser, SOURCE_IS_SLOW, 200)), new Set([1]))
})

test('chooseLevel() stores nothing uncompressed where that is not wanted', () => {
  const chooser = chooseLevel('zstd', 'adaptive', { mayStore: false })
  assert.deepEqual(new Set(choices(chooser, PROCESSOR_IS_SLOW, 400)), new Set([1]))
})
