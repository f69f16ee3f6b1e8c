import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from './pool.ts'

test('use() gives each thing to one user at a time, and takeAll() waits until all are free', async () => {
  const pool = new Pool(['a', 'b'])
  const inUse = new Set<string>()
  let most = 0
  const work = Array.from({ length: 10 }, (_, turn) =>
    pool.use(async (thing) => {
      assert.ok(!inUse.has(thing))
      inUse.add(thing)
      most = Math.max(most, inUse.size)
      await new Promise((resolve) => setImmediate(resolve))
      inUse.delete(thing)
      if (turn === 3) throw new Error('a fault')
      return thing
    }),
  )
  const ends = Promise.allSettled(work)
  assert.deepEqual([...(await pool.takeAll())].toSorted(), ['a', 'b'])
  assert.equal(inUse.size, 0)
  assert.equal(most, 2)
  assert.equal((await ends).filter(({ status }) => status === 'rejected').length, 1)
})
