import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rangesWithout } from './ranges-without.ts'

function ranges(...list: readonly (readonly [number, number])[]): {
  readonly address: number
  readonly length: number
}[] {
  return list.map(([address, end]) => ({ address, length: end - address }))
}

test('rangesWithout() leaves what no other range has', () => {
  const cases = [
    [ranges([0, 10]), ranges(), ranges([0, 10])],
    [ranges([0, 10]), ranges([0, 10]), ranges()],
    [ranges([2, 10]), ranges([0, 3], [4, 5], [9, 12]), ranges([3, 4], [5, 9])],
    [ranges([0, 4], [6, 9], [20, 22]), ranges([2, 8]), ranges([0, 2], [8, 9], [20, 22])],
    [ranges([0, 4], [6, 9]), ranges([4, 6], [9, 12]), ranges([0, 4], [6, 9])],
    [ranges(), ranges([4, 6]), ranges()],
  ] as const
  for (const [from, taken, left] of cases) assert.deepEqual(rangesWithout(from, taken), left)
})

test('rangesWithout() is right for all small sets', () => {
  const size = 7
  const setOf = (bits: number): ReturnType<typeof ranges> =>
    [...`${bits.toString(2).padStart(size, '0')}`.matchAll(/1+/g)].map(({ 0: run, index }) => ({
      address: index,
      length: run.length,
    }))
  for (let from = 0; from < 2 ** size; from += 1)
    for (let taken = 0; taken < 2 ** size; taken += 1) {
      const left = rangesWithout(setOf(from), setOf(taken)).flatMap(({ address, length }) =>
        Array.from({ length }, (_, at) => address + at),
      )
      const wanted = setOf(from & ~taken).flatMap(({ address, length }) =>
        Array.from({ length }, (_, at) => address + at),
      )
      assert.deepEqual(left, wanted, `${from} without ${taken}`)
    }
})
