import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { GREETING, event, fakeMonitor, ok, refused } from '../../test/support/fake-monitor.ts'
import { QmpConnection } from './connection.ts'
import { QmpRefusal } from './refusal.ts'

test('execute() returns the result when QEMU answers out of order and in pieces', async () => {
  let first: string | undefined
  await using monitor = await fakeMonitor((command, socket) => {
    if (command.execute === 'query-name') {
      first = ok(command, { name: 'one' })
      return undefined
    }
    const both = ok(command, { UUID: 'two' }) + first
    socket.write(both.slice(0, 7))
    setTimeout(() => socket.write(both.slice(7)), 5)
    return undefined
  })
  await using qmp = await QmpConnection.connect(monitor.path)
  assert.equal(qmp.state, 'ready')
  assert.equal(qmp.version.qemu.major, 7)
  const answers = await Promise.all([qmp.execute('query-name'), qmp.execute('query-uuid')])
  assert.deepEqual(answers, [{ name: 'one' }, { UUID: 'two' }])
})

test('execute() keeps the error class, the message and the caller when QEMU refuses', async () => {
  await using monitor = await fakeMonitor((command) => refused(command, 'no such thing', 'Odd'))
  await using qmp = await QmpConnection.connect(monitor.path)
  async function theCaller(): Promise<void> {
    await qmp.execute('migrate', { uri: 'nowhere:' })
  }
  await assert.rejects(theCaller(), (error) => {
    assert.ok(error instanceof QmpRefusal)
    assert.equal(error.code, 'QEMU_REFUSED')
    assert.equal(error.errorClass, 'Odd')
    assert.equal(error.description, 'no such thing')
    assert.equal(error.message, 'QEMU refused migrate: no such thing')
    assert.match(error.stack ?? '', /theCaller/)
    return true
  })
})

test('execute() fails with the last output of QEMU when it dies', async () => {
  await using monitor = await fakeMonitor((_command, socket) => {
    socket.destroy()
    return undefined
  })
  const processTail = (): string => 'qemu: out of luck\n'
  await using qmp = await QmpConnection.connect(monitor.path, { processTail })
  await assert.rejects(qmp.execute('query-status'), {
    code: 'QEMU_DIED',
    operation: 'query-status',
    message: /during query-status; its last output: qemu: out of luck$/,
  })
  assert.equal(qmp.state, 'closed')
  await assert.rejects(qmp.execute('query-status'), { code: 'QEMU_DIED' })
})

test('execute() carries integers beyond 2^53 unchanged both ways', async () => {
  const wide = 9223372036853727232n
  await using monitor = await fakeMonitor((command) =>
    command.execute === 'query-migrate-parameters'
      ? `{"return": {"max-bandwidth": ${wide}, "n": 12, "text": "${wide}"}, "id": ${command.id}}\n`
      : ok(command),
  )
  await using qmp = await QmpConnection.connect(monitor.path)
  await qmp.execute('migrate-set-parameters', { 'max-bandwidth': wide })
  assert.match(monitor.received.at(-1)?.raw ?? '', /"max-bandwidth":9223372036853727232\}/)
  const values = await qmp.execute('query-migrate-parameters')
  assert.deepEqual(values, { 'max-bandwidth': wide, n: 12, text: String(wide) })
})

test('execute() stops waiting at its signal or timeout, and the connection stays open', async () => {
  await using monitor = await fakeMonitor((command) =>
    command.execute === 'query-name' ? undefined : ok(command, { status: 'running' }),
  )
  await using qmp = await QmpConnection.connect(monitor.path)
  await assert.rejects(qmp.execute('query-name', {}, { timeoutMs: 20 }), { code: 'QEMU_TIMEOUT' })
  const signal = AbortSignal.timeout(20)
  await assert.rejects(qmp.execute('query-name', {}, { signal }), { code: 'CANCELLED' })
  // Its late answer, and an answer to an earlier client.
  monitor.broadcast(`{"return": {}, "id": ${monitor.received.at(-1)?.id}}\n`)
  monitor.broadcast('{"return": {}, "id": 3}\n')
  assert.equal((await qmp.execute('query-status')).status, 'running')
})

for (const [what, line] of [
  ['is not JSON', 'Hello\n'],
  ['is no object', '[1]\n'],
  ['answers nothing asked', '{"return": {}}\n'],
] as const) {
  test(`execute() fails with QEMU_STREAM when a line ${what}`, async () => {
    await using monitor = await fakeMonitor(() => line)
    await using qmp = await QmpConnection.connect(monitor.path)
    await assert.rejects(qmp.execute('query-status'), { code: 'QEMU_STREAM' })
  })
}

test('connect() lets the first command follow the negotiation at once when it is eager', async () => {
  await using monitor = await fakeMonitor((command) => ok(command, { name: 'one' }))
  await using qmp = await QmpConnection.connect(monitor.path, { eager: true })
  assert.deepEqual(monitor.received, [])
  assert.deepEqual(await qmp.execute('query-name'), { name: 'one' })
  const commands = monitor.received.map(({ execute }) => execute)
  assert.deepEqual(commands, ['qmp_capabilities', 'query-name'])
})

test('connect() ignores an event before the greeting', async () => {
  const greeting = event('RESUME') + GREETING
  await using monitor = await fakeMonitor((command) => ok(command, { name: 'one' }), greeting)
  await using qmp = await QmpConnection.connect(monitor.path)
  assert.deepEqual(await qmp.execute('query-name'), { name: 'one' })
})

test('connect() throws QEMU_BUSY when no greeting comes', async () => {
  await using monitor = await fakeMonitor(() => undefined, '')
  await assert.rejects(QmpConnection.connect(monitor.path, { timeoutMs: 30 }), {
    code: 'QEMU_BUSY',
  })
})

test('connect() fails when nothing listens, the peer is not a monitor, or the path is too long', async () => {
  await assert.rejects(QmpConnection.connect('/nonexistent/monitor'), { code: 'QEMU_DIED' })
  await assert.rejects(QmpConnection.connect(`/${'x'.repeat(107)}`), { code: 'PATH_TOO_LONG' })
  await using monitor = await fakeMonitor(() => undefined, '{"hello": 1}')
  await assert.rejects(QmpConnection.connect(monitor.path), { code: 'QEMU_STREAM' })
})

test('connect() throws when its signal is aborted', async () => {
  await using monitor = await fakeMonitor(() => undefined, '')
  const signal = AbortSignal.timeout(20)
  await assert.rejects(QmpConnection.connect(monitor.path, { signal }), { code: 'CANCELLED' })
})

test('listen() keeps the named events that arrive before the first wait', async () => {
  await using monitor = await fakeMonitor(
    (command) =>
      event('MIGRATION', { status: 'setup' }) +
      event('STOP') +
      event('MIGRATION', { status: 'active' }) +
      ok(command),
  )
  await using qmp = await QmpConnection.connect(monitor.path)
  using events = qmp.listen('MIGRATION')
  await qmp.execute('migrate', { uri: 'x' })
  const seen: string[] = []
  for await (const { data, timeMs } of events) {
    assert.equal(timeMs, 1500)
    seen.push(data.status)
    if (seen.length === 2) break
  }
  assert.deepEqual(seen, ['setup', 'active'])
  assert.equal(await events.next({ timeoutMs: 10 }), undefined)
})

test('listenAny() receives events that listen() does not know, and no others', async () => {
  await using monitor = await fakeMonitor(ok)
  await using qmp = await QmpConnection.connect(monitor.path)
  using events = qmp.listenAny('VNC_CONNECTED')
  monitor.broadcast(event('STOP') + event('VNC_CONNECTED', { auth: 'none' }))
  const found = await events.next({ timeoutMs: 1000 })
  assert.deepEqual(found, { name: 'VNC_CONNECTED', data: { auth: 'none' }, timeMs: 1500 })
  assert.equal(await events.next({ timeoutMs: 10 }), undefined)
})

test('listen() throws after the last event when QEMU dies', async () => {
  await using monitor = await fakeMonitor((command) => ok(command))
  await using qmp = await QmpConnection.connect(monitor.path)
  using events = qmp.listen('SHUTDOWN')
  monitor.broadcast(event('SHUTDOWN', { guest: false, reason: 'host-signal' }))
  await delay(20)
  monitor.hangUp()
  assert.equal((await events.next())?.data.reason, 'host-signal')
  await assert.rejects(events.next(), { code: 'QEMU_DIED' })
  assert.equal((await qmp.closed).name, 'QmpLost')
})

test('close() fails pending calls with CANCELLED', async () => {
  await using monitor = await fakeMonitor(() => undefined)
  const qmp = await QmpConnection.connect(monitor.path)
  const call = assert.rejects(qmp.execute('query-status'), { code: 'CANCELLED' })
  await qmp.close()
  await call
})

test('connect() waits no longer when the clock is set back', { timeout: 10_000 }, async (t) => {
  await using monitor = await fakeMonitor(() => undefined, '')
  let now = Date.now()
  t.mock.method(Date, 'now', () => (now -= 3_600_000))
  await assert.rejects(QmpConnection.connect(monitor.path, { timeoutMs: 200 }), {
    code: 'QEMU_BUSY',
  })
})
