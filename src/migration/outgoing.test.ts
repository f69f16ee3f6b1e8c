import assert from 'node:assert/strict'
import { test } from 'node:test'

import { event, fakeMonitor, ok, refused } from '../../test/support/fake-monitor.ts'
import type { Answer, FakeMonitor } from '../../test/support/fake-monitor.ts'
import { QmpConnection } from '../qmp/connection.ts'
import { featuresOf } from './features.ts'
import { startIncoming } from './incoming.ts'
import { startOutgoing } from './outgoing.ts'
import { QmpSchema } from './schema.ts'

const features = featuresOf([], new QmpSchema([]))

/** A monitor whose migration goes through the given statuses, one for each query. */
function monitorWith(statuses: readonly string[], special: Answer): Promise<FakeMonitor> {
  const rest = [...statuses]
  return fakeMonitor((command, socket) => {
    switch (command.execute) {
      case 'query-status':
        return ok(command, { status: 'paused', running: false })
      case 'query-migrate-capabilities':
        return ok(command, [])
      case 'query-migrate-parameters':
        return ok(command, {})
      case 'query-migrate': {
        const status = rest.length > 1 ? rest.shift() : rest[0]
        return ok(command, { status, 'total-time': 5, 'error-desc': 'the cable' })
      }
      default:
        return special(command, socket)
    }
  })
}

test('completed() settles even when QEMU sends no events', async () => {
  await using monitor = await monitorWith(['setup', 'active', 'completed'], (command) =>
    ok(command),
  )
  await using qmp = await QmpConnection.connect(monitor.path)
  await using migration = await startOutgoing(qmp, { uri: 'unix:/x', features })
  const stats = await migration.completed()
  assert.equal(stats.totalTimeMs, 5)
})

test('completed() follows the events and reports the reason of a failure', async () => {
  await using monitor = await monitorWith(['failed'], (command) =>
    command.execute === 'migrate'
      ? ok(command) + event('MIGRATION', { status: 'failed' })
      : ok(command),
  )
  const processTail = (): string => 'qemu: what a pity\n'
  await using qmp = await QmpConnection.connect(monitor.path, { processTail })
  await using migration = await startOutgoing(qmp, { uri: 'unix:/x', features })
  const start = performance.now()
  await assert.rejects(migration.completed(), {
    code: 'MIGRATION_FAILED',
    message: /: the cable; QEMU's last output: qemu: what a pity$/,
  })
  assert.ok(performance.now() - start < 400, 'the event is heard before the next poll')
})

test('completed() asks QEMU nothing while a migration begins: a guest may be stopped meanwhile', async () => {
  let asked = 0
  await using monitor = await monitorWith(['completed'], (command, socket) => {
    if (command.execute !== 'migrate') return ok(command)
    const begun = event('MIGRATION', { status: 'setup' }) + event('MIGRATION', { status: 'active' })
    setTimeout(() => {
      asked = monitor.received.filter(({ execute }) => execute === 'query-migrate').length
      socket.write(event('MIGRATION', { status: 'completed' }))
    }, 100)
    return ok(command) + begun
  })
  await using qmp = await QmpConnection.connect(monitor.path)
  await using migration = await startOutgoing(qmp, { uri: 'unix:/x', features })
  await migration.completed()
  assert.equal(asked, 0)
})

test('completed() throws MIGRATION_FAILED when another client cancels', async () => {
  await using monitor = await monitorWith(['cancelled'], (command) => ok(command))
  await using qmp = await QmpConnection.connect(monitor.path)
  await using migration = await startOutgoing(qmp, { uri: 'unix:/x', features })
  await assert.rejects(migration.completed(), { code: 'MIGRATION_FAILED', message: /cancelled/ })
})

test('startOutgoing() throws CANCELLED without a query when its signal is already aborted', async () => {
  await using monitor = await monitorWith([], (command) => ok(command))
  await using qmp = await QmpConnection.connect(monitor.path)
  const options = { uri: 'unix:/x', features, signal: AbortSignal.abort() }
  await assert.rejects(startOutgoing(qmp, options), { code: 'CANCELLED' })
  assert.equal(monitor.received.length, 1)
})

test('startIncoming() reports the last output of a QEMU that exits as the reason', async () => {
  await using monitor = await monitorWith(['setup'], (command, socket) => {
    setTimeout(() => socket.destroy(), 10)
    return ok(command)
  })
  const processTail = (): string => 'qemu: load of migration failed: Input/output error\n'
  await using qmp = await QmpConnection.connect(monitor.path, { processTail })
  const migration = await startIncoming(qmp, { uri: 'unix:/x', features })
  await assert.rejects(migration.completed(), {
    code: 'MIGRATION_FAILED',
    message: /^Could not load the saved machine: qemu: load of migration failed/,
  })
})

test('startIncoming() throws the refusal of QEMU', async () => {
  await using monitor = await monitorWith([], (command) => refused(command, 'not now'))
  await using qmp = await QmpConnection.connect(monitor.path)
  await assert.rejects(startIncoming(qmp, { uri: 'unix:/x', features }), { code: 'QEMU_REFUSED' })
})
