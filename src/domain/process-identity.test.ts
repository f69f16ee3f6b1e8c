import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identifyProcess, isAlive, processorTimeMs } from './process-identity.ts'

test('identifyProcess() and isAlive() know this very process', async () => {
  const identity = await identifyProcess(process.pid)
  assert.ok(identity !== undefined)
  assert.equal(await isAlive(identity), true)
  assert.equal(await isAlive({ ...identity, startTime: identity.startTime + 1 }), false)
  assert.equal(await isAlive({ ...identity, bootId: 'another boot' }), false)
  assert.ok(((await processorTimeMs(process.pid)) ?? -1) > 0)
})

test('identifyProcess() gives nothing when there is no such process', async () => {
  assert.equal(await identifyProcess(2 ** 22 + 1), undefined)
})
