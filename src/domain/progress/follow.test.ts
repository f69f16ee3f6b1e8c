import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { follow } from './follow.ts'

test('follow() gives progress while the act runs, and its result', async () => {
  const act = follow<number, string>(async (onProgress) => {
    for (const step of [1, 2, 3]) {
      onProgress(step)
      await delay(5)
    }
    return 'done'
  })
  const seen: number[] = []
  for await (const progress of act) seen.push(progress)
  assert.deepEqual(seen, [1, 2, 3])
  assert.equal(await act.result, 'done')
})

test('follow() skips what is outdated when the reader is slow', async () => {
  const act = follow<number, void>(async (onProgress) => {
    for (let step = 0; step < 100; step += 1) onProgress(step)
    await delay(1)
  })
  const seen: number[] = []
  for await (const progress of act) seen.push(progress)
  assert.deepEqual(seen, [99])
})

test('follow() throws from the iteration when the act fails', async () => {
  const act = follow<number, void>(() => Promise.reject(new Error('no luck')))
  await assert.rejects(
    async () => {
      for await (const progress of act) assert.fail(String(progress))
    },
    { message: 'no luck' },
  )
  await assert.rejects(act.result, { message: 'no luck' })
})
