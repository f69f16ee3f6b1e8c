import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Answer,
  type FakeMonitor,
  event,
  fakeMonitor,
  ok,
  refused,
} from '../../test/support/fake-monitor.ts'
import { QmpConnection } from '../qmp/connection.ts'
import { endPostcopy, recoverPostcopy, startPostcopy } from './postcopy.ts'

/** A monitor of a QEMU that loads devices: `states` are its run states, one for each query, the last one forever. */
function monitorWith(
  states: readonly string[],
  migration: () => object = () => ({ status: 'postcopy-active' }),
  special: Answer = () => undefined,
): Promise<FakeMonitor> {
  const rest = [...states]
  return fakeMonitor((command, socket) => {
    const answer = special(command, socket)
    if (answer !== undefined) return answer
    if (command.execute === 'query-status')
      return ok(command, { status: (rest.length > 1 ? rest.shift() : rest[0]) ?? '' })
    if (command.execute === 'query-migrate') return ok(command, migration())
    if (command.execute === 'query-migrate-capabilities')
      return ok(command, [{ capability: 'postcopy-ram', state: true }])
    if (command.execute !== 'migrate-incoming') return ok(command)
    return ok(command) + event('MIGRATION', { status: 'postcopy-active' })
  })
}

test('startPostcopy() returns once QEMU has its devices', async () => {
  await using fake = await monitorWith(['inmigrate', 'inmigrate', 'paused'])
  await using qmp = await QmpConnection.connect(fake.path)
  assert.equal(await startPostcopy(qmp, 'fd:5'), undefined)
  const [, capabilities, incoming] = fake.received
  assert.deepEqual(capabilities?.arguments, {
    capabilities: [
      { capability: 'postcopy-ram', state: true },
      { capability: 'events', state: true },
    ],
  })
  assert.deepEqual(incoming?.arguments, { uri: 'fd:5' })
})

test('startPostcopy() returns the reason of a QEMU that does not support it, and sends no more', async () => {
  await using fake = await monitorWith(['inmigrate'], undefined, (command) =>
    command.execute === 'migrate-set-capabilities'
      ? refused(command, 'Userfaultfd not available')
      : undefined,
  )
  await using qmp = await QmpConnection.connect(fake.path)
  const refusal = await startPostcopy(qmp, 'fd:5')
  assert.equal(refusal?.code, 'QEMU_LACKS_FEATURE')
  assert.match(refusal.reason, /Userfaultfd not available/)
  assert.equal(fake.received.at(-1)?.execute, 'migrate-set-capabilities')
})

test('startPostcopy() throws MIGRATION_FAILED when QEMU refuses the devices', async () => {
  const failed = (): object => ({ status: 'failed', 'error-desc': 'unknown device' })
  await using fake = await monitorWith(['inmigrate'], failed)
  await using qmp = await QmpConnection.connect(fake.path)
  await assert.rejects(startPostcopy(qmp, 'fd:5'), {
    code: 'MIGRATION_FAILED',
    message: /unknown device/,
  })
})

test('startPostcopy() throws CANCELLED when its signal is aborted', async () => {
  await using fake = await monitorWith(['inmigrate'])
  await using qmp = await QmpConnection.connect(fake.path)
  const signal = AbortSignal.timeout(50)
  await assert.rejects(startPostcopy(qmp, 'fd:5', { signal }), { code: 'CANCELLED' })
})

test('recoverPostcopy() throws QEMU’s refusal, unless a recovery is already in progress', async () => {
  for (const [message, code] of [
    ['Migrate recovery is triggered already', undefined],
    ['Migrate recover can only be run when postcopy is paused.', 'QEMU_REFUSED'],
  ] as const) {
    await using fake = await fakeMonitor((command) => {
      assert.match(command.raw, /"exec-oob":"migrate-recover".*"unix:\/run\/r"/)
      return refused(command, message)
    })
    await using qmp = await QmpConnection.connect(fake.path, { outOfBand: true })
    const recovered = recoverPostcopy(qmp, '/run/r')
    if (code === undefined) await recovered
    else await assert.rejects(recovered, { code })
  }
})

test('endPostcopy() waits for the end, and switches the capability off', async () => {
  const statuses = ['postcopy-active', 'postcopy-active', 'completed']
  await using fake = await monitorWith(['running'], () => ({ status: statuses.shift() }))
  await using qmp = await QmpConnection.connect(fake.path)
  await endPostcopy(qmp)
  const off = fake.received.find(({ execute }) => execute === 'migrate-set-capabilities')
  assert.deepEqual(off?.arguments, { capabilities: [{ capability: 'postcopy-ram', state: false }] })
  assert.deepEqual(statuses, [])
})

test('endPostcopy() throws MIGRATION_FAILED after a failure', async () => {
  await using fake = await monitorWith(['running'], () => ({ status: 'failed' }))
  await using qmp = await QmpConnection.connect(fake.path)
  await assert.rejects(endPostcopy(qmp), { code: 'MIGRATION_FAILED' })
})
