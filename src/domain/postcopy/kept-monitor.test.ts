import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { connectedPair } from '../../io/system-calls.ts'
import { openKeptMonitor } from './kept-monitor.ts'
import { runtimePaths } from '../store/runtime-paths.ts'

const { signal } = new AbortController()
const GREETING = { QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 }, package: '' } } }

test('openKeptMonitor() continues a connection of another process, and ignores answers to that one', async () => {
  const [ours, theirs] = connectedPair()
  const qemu = new Socket({ fd: theirs, readable: true, writable: true })
  // The end of a line whose beginning was read, an event, an answer to a query of the previous client.
  qemu.write('"x": 1}}\n{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 0}}\n')
  qemu.write('{"return": {"status": "old"}, "id": 1}\n')
  const paths = runtimePaths({ stateDir: '/nowhere', runtimeDir: '/nowhere' }, 'a')
  await using monitor = await openKeptMonitor(paths, ours, { signal })
  qemu.once('data', (data: Buffer) => {
    const { execute, id } = JSON.parse(data.toString()) as { execute: string; id: number }
    qemu.write(`${JSON.stringify({ return: { status: execute, running: true }, id })}\n`)
  })
  assert.equal((await monitor.execute('query-status')).status, 'query-status')
  qemu.destroy()
  await monitor.closed
})

test('openKeptMonitor() throws, in time, when QEMU cannot negotiate', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stasis-'))
  const at = dirname(directory)
  const paths = runtimePaths({ stateDir: at, runtimeDir: at }, basename(directory))
  // Like a QEMU whose main thread waits for a page: it greets, and answers nothing.
  const server = createServer((socket) => socket.write(`${JSON.stringify(GREETING)}\n`))
  await new Promise<void>((resolve) => server.listen(paths.postcopySocket, resolve))
  try {
    await assert.rejects(openKeptMonitor(paths, undefined, { signal, timeoutMs: 100 }), {
      code: 'QEMU_TIMEOUT',
      message: /QEMU itself waits for memory/,
      hint: /ptrace_scope/,
    })
  } finally {
    server.close()
    await rm(directory, { recursive: true })
  }
})
