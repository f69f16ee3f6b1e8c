import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeMonitor, ok } from '../../../test/support/fake-monitor.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { completeSource } from './complete-source.ts'

const source = completeSource({
  bring: () => Promise.resolve(),
  brought: { mode: 'load', allMemory: true },
})

test('completeSource() cannot be cancelled once QEMU was told to run the guest', async () => {
  const abort = new AbortController()
  let runs = false
  await using monitor = await fakeMonitor((command) => {
    if (command.execute === 'cont') {
      runs = true
      abort.abort()
    }
    return ok(command, { status: runs ? 'running' : 'paused', running: runs })
  })
  await using qmp = await QmpConnection.connect(monitor.path)
  let told = 0
  const options = { signal: abort.signal, onRunning: () => void (told += 1) }
  await source.resume(qmp, options)
  assert.deepEqual([runs, told], [true, 1])
  runs = false
  await assert.rejects(source.resume(qmp, options), { code: 'CANCELLED' })
  assert.deepEqual([runs, told], [false, 1])
})
