import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type FakeMonitor, fakeMonitor, ok, refused } from '../../test/support/fake-monitor.ts'
import { QmpConnection } from '../qmp/connection.ts'
import { contAtOnce, contVm, stopAtOnce, stopVm } from './run-state.ts'

/** A monitor that reports these states one after another, then the last one forever. */
function monitorWith(...states: readonly string[]): Promise<FakeMonitor> {
  const rest = [...states]
  return fakeMonitor((command) => {
    if (command.execute !== 'query-status') return ok(command)
    const status = rest.length > 1 ? rest.shift() : rest[0]
    return ok(command, { status, running: status === 'running' })
  })
}

function acts(monitor: FakeMonitor): readonly string[] {
  return monitor.received.map(({ execute }) => execute).slice(1)
}

test('contVm() waits until QEMU has left finish-migrate before it sends cont', async () => {
  await using monitor = await monitorWith(
    ...['finish-migrate', 'finish-migrate', 'postmigrate', 'running'],
  )
  await using qmp = await QmpConnection.connect(monitor.path)
  assert.equal(await contVm(qmp), 'finish-migrate')
  const query = 'query-status'
  assert.deepEqual(acts(monitor), [query, query, query, 'cont', query])
})

test('contVm() accepts a guest that suspends itself at once', async () => {
  await using monitor = await monitorWith('paused', 'paused', 'suspended')
  await using qmp = await QmpConnection.connect(monitor.path)
  assert.equal(await contVm(qmp), 'paused')
})

test('contVm() throws QEMU_TIMEOUT when the guest does not run', async () => {
  await using monitor = await monitorWith('paused')
  await using qmp = await QmpConnection.connect(monitor.path)
  await assert.rejects(contVm(qmp, { timeoutMs: 30 }), { code: 'QEMU_TIMEOUT', message: /paused/ })
})

test('stopVm() does nothing to a stopped guest', async () => {
  await using monitor = await monitorWith('prelaunch')
  await using qmp = await QmpConnection.connect(monitor.path)
  assert.equal(await stopVm(qmp), 'prelaunch')
  assert.deepEqual(acts(monitor), ['query-status'])
})

test('stopVm() throws CANCELLED when its signal is aborted', async () => {
  await using monitor = await monitorWith('running')
  await using qmp = await QmpConnection.connect(monitor.path)
  const signal = AbortSignal.timeout(30)
  await assert.rejects(stopVm(qmp, { signal }), { code: 'CANCELLED' })
})

test('stopAtOnce() and contAtOnce() send nothing else, because the guest waits for it', async () => {
  await using monitor = await monitorWith('running')
  await using qmp = await QmpConnection.connect(monitor.path)
  await stopAtOnce(qmp)
  await contAtOnce(qmp)
  assert.deepEqual(acts(monitor), ['stop', 'cont'])
})

test('contAtOnce() waits for QEMU when it refuses', async () => {
  const states = ['finish-migrate', 'postmigrate', 'running']
  let isFirst = true
  await using monitor = await fakeMonitor((command) => {
    if (command.execute === 'query-status')
      return ok(command, { status: states.length > 1 ? states.shift() : states[0], running: false })
    const refuses = command.execute === 'cont' && isFirst
    if (refuses) isFirst = false
    return refuses ? refused(command, 'Migration is not finalized yet') : ok(command)
  })
  await using qmp = await QmpConnection.connect(monitor.path)
  await contAtOnce(qmp)
  assert.equal(acts(monitor).filter((act) => act === 'cont').length, 2)
})
