import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LevelChooser, type SpentMs, chooseLevel } from './compression-level.ts'

/** Its choice for the next pieces while one side takes all the time. */
function choices(
  chooser: LevelChooser,
  slowest: keyof SpentMs,
  count: number,
): (number | undefined)[] {
  return Array.from({ length: count }, () => chooser.next({ ...NOTHING, [slowest]: 1 }))
}

const NOTHING: SpentMs = { source: 0, processor: 0, disk: 0 }

const compressed = (levels: readonly (number | undefined)[]): number =>
  levels.filter((level) => level !== undefined).length

test('chooseLevel() keeps a fixed level, and has none without a codec', () => {
  const options = { mayStore: true }
  for (const slowest of ['processor', 'disk', 'source'] as const) {
    assert.deepEqual(new Set(choices(chooseLevel('zstd', 5, options), slowest, 200)), new Set([5]))
    assert.equal(
      chooseLevel('none', 'adaptive', options).next({ ...NOTHING, [slowest]: 1 }),
      undefined,
    )
  }
})

test('chooseLevel() stores ever more pages while the disk waits for the processor', () => {
  const chooser = chooseLevel('zstd', 'adaptive', { mayStore: true })
  assert.equal(compressed(choices(chooser, 'processor', 31)), 31, 'all at first')
  const shares = Array.from({ length: 5 }, () => compressed(choices(chooser, 'processor', 32)))
  assert.deepEqual(shares, [24, 16, 8, 0, 0])
})

test('chooseLevel() compresses all, and then harder, once the disk is the slower side', () => {
  const chooser = chooseLevel('zstd', 'adaptive', { mayStore: true })
  choices(chooser, 'processor', 200)
  choices(chooser, 'disk', 200)
  assert.deepEqual(new Set(choices(chooser, 'disk', 100)), new Set([3]))
})

test('chooseLevel() keeps what it does while disk and processor wait for the source', () => {
  const chooser = chooseLevel('zstd', 'adaptive', { mayStore: true })
  assert.deepEqual(new Set(choices(chooser, 'source', 200)), new Set([1]))
})

test('chooseLevel() stores nothing uncompressed where that is not wanted', () => {
  const chooser = chooseLevel('zstd', 'adaptive', { mayStore: false })
  assert.deepEqual(new Set(choices(chooser, 'processor', 400)), new Set([1]))
})

test('chooseLevel() goes by the time, not by the number of pieces', () => {
  const chooser = chooseLevel('zstd', 'adaptive', { mayStore: true })
  choices(chooser, 'processor', 200)
  // A write that ends frees many pieces at once: only the first of them has waited.
  const burst = Array.from({ length: 8 }, (_, at) => ({
    source: 0,
    processor: 1,
    disk: at === 0 ? 20 : 0,
  }))
  for (let round = 0; round < 40; round += 1) for (const spent of burst) chooser.next(spent)
  assert.deepEqual(new Set(choices(chooser, 'disk', 8)), new Set([3]))
})
