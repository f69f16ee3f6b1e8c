import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type FakeMonitor, fakeMonitor, ok, refused } from '../../../test/support/fake-monitor.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { haltGuest } from './halted-guest.ts'

/** A monitor of a guest that `stop` and `cont` stop and resume, unless `cont` is refused. */
function monitor({ refuses = false } = {}): Promise<FakeMonitor> {
  let running = true
  return fakeMonitor((command) => {
    if (command.execute === 'stop') running = false
    if (command.execute === 'cont') {
      if (refuses) return refused(command, 'Failed to get "write" lock')
      running = true
    }
    if (command.execute === 'query-status')
      return ok(command, { status: running ? 'running' : 'paused', running })
    return ok(command)
  })
}

test('HaltedGuest.resume() resumes a guest that ran', async () => {
  await using fake = await monitor()
  await using qmp = await QmpConnection.connect(fake.path)
  const guest = haltGuest('web', qmp, true, () => QmpConnection.connect(fake.path))
  await guest.halt(undefined)
  assert.equal((await qmp.execute('query-status')).running, false)
  assert.match(await guest.resume(), /running/)
  assert.equal((await qmp.execute('query-status')).running, true)
})

test('HaltedGuest.resume() does not resume a guest that was paused', async () => {
  await using fake = await monitor()
  await using qmp = await QmpConnection.connect(fake.path)
  assert.match(
    await haltGuest('web', qmp, false, () => QmpConnection.connect(fake.path)).resume(),
    /still paused/,
  )
  assert.equal(
    fake.received.some(({ execute }) => execute === 'cont'),
    false,
  )
})

test('HaltedGuest.resume() reports a guest that cannot be resumed', async () => {
  await using fake = await monitor({ refuses: true })
  await using qmp = await QmpConnection.connect(fake.path)
  const guest = haltGuest('web', qmp, true, () => QmpConnection.connect(fake.path))
  await guest.halt(undefined)
  assert.match(await guest.resume(), /paused now.*`stasis resume web`/)
})

test('HaltedGuest.resume() resumes over a new connection when the monitor was lost', async () => {
  await using fake = await monitor()
  await using qmp = await QmpConnection.connect(fake.path)
  const guest = haltGuest('web', qmp, true, () => QmpConnection.connect(fake.path))
  await guest.halt(undefined)
  fake.hangUp()
  await qmp.closed
  assert.match(await guest.resume(), /still running/)
  assert.equal(fake.received.at(-1)?.execute, 'query-status')
  assert.ok(fake.received.some(({ execute }) => execute === 'cont'))
})

test('HaltedGuest.resume() reports a dead QEMU', async () => {
  await using fake = await monitor()
  await using qmp = await QmpConnection.connect(fake.path)
  const gone = join(dirname(fake.path), 'gone')
  const guest = haltGuest('web', qmp, true, () => QmpConnection.connect(gone))
  fake.hangUp()
  await qmp.closed
  assert.match(await guest.resume(), /QEMU is gone/)
})
