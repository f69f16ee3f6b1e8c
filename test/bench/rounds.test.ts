import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureRounds } from '../../bench/rounds/measure-rounds.ts'
import type { Scenario } from '../../bench/rounds/measurement.ts'

test('measureRounds() begins each round with another scenario, and leaves out those that fail or have had their rounds', async () => {
  const turns: string[] = []
  const failures: string[] = []
  const scenario = (name: string, mostRounds = 9): Scenario => ({
    ...{ name, mostRounds },
    measure() {
      turns.push(name)
      if (name === 'broken' && turns.includes('seldom')) return Promise.reject(new Error('no'))
      return Promise.resolve({ seconds: 1 })
    },
  })
  const all = [scenario('usual'), scenario('broken'), scenario('seldom', 1)]
  const lengths: number[] = []
  const results = await measureRounds(all, 3, '/nowhere', {
    onFailure: (name) => failures.push(name),
    async onRun(soFar) {
      lengths.push(soFar.length)
    },
  })
  assert.deepEqual(lengths, [1, 2, 3, 2, 2, 2])
  assert.deepEqual(turns, ['usual', 'broken', 'seldom', 'broken', 'usual', 'usual'])
  assert.deepEqual(failures, ['broken'])
  assert.deepEqual(
    results.map(({ name, runs }) => [name, runs.length]),
    [
      ['usual', 3],
      ['seldom', 1],
    ],
  )
})
