import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { BusyTime } from './busy-time.ts'

test('BusyTime counts the time of writes that overlap once, and no time between writes', async () => {
  const busy = new BusyTime()
  await Promise.all([busy.during(10, delay(30)), busy.during(20, delay(30))])
  const { ms } = busy
  assert.equal(busy.bytes, 30)
  assert.ok(ms >= 29)
  await delay(20)
  assert.equal(busy.ms, ms)
  const pending = busy.during(5, delay(20))
  await delay(10)
  assert.ok(busy.ms > ms)
  assert.equal(busy.bytes, 30)
  await pending
})

test('BusyTime ends with a write that fails', async () => {
  const busy = new BusyTime()
  await assert.rejects(busy.during(1, Promise.reject(new Error('full'))), /full/)
  const { ms } = busy
  await delay(5)
  assert.equal(busy.ms, ms)
})
