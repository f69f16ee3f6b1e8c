import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectMonitor } from './monitor.ts'

test('connectMonitor() throws DOMAIN_BUSY for a monitor that serves another client', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stasis-monitor-'))
  const path = join(directory, 'control')
  // Like a QEMU with a second client: it accepts the connection and does not greet.
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  try {
    await assert.rejects(connectMonitor(path, { timeoutMs: 50 }), {
      name: 'DomainError',
      code: 'DOMAIN_BUSY',
      path,
      hint: /Another program may be using this monitor/,
    })
    await assert.rejects(connectMonitor(join(directory, 'none'), {}), { code: 'QEMU_DIED' })
  } finally {
    server.close()
    await rm(directory, { recursive: true })
  }
})
