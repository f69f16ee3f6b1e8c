import assert from 'node:assert/strict'
import { test } from 'node:test'

import { fakeMonitor } from '../../test/support/fake-monitor.ts'
import { LineTransport, connectSocket } from './transport.ts'

test('LineTransport closes with QEMU_STREAM when a line exceeds its bound', async () => {
  await using monitor = await fakeMonitor(() => undefined, 'x'.repeat(2000))
  const socket = await connectSocket(monitor.path, performance.now() + 1000, undefined)
  const reason = await new Promise((closed) => {
    new LineTransport(socket, monitor.path, { line: assert.fail, closed }, 1000)
  })
  assert.equal((reason as { code?: unknown }).code, 'QEMU_STREAM')
})
