import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeDescriptor, connectedPair, sendFew } from '../../io/system-calls.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { servePages } from './serve-pages.ts'

test('servePages() changes nothing if the restore ends before the server is to take over', async () => {
  const path = mkdtempSync(join(tmpdir(), 'stasis-test-'))
  using _directory = { [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
  const paths = runtimePaths({ stateDir: path, runtimeDir: path }, 'a')
  const options = { program: '', id: 'x', signal: AbortSignal.timeout(10_000) }
  {
    const [theirs, ours] = connectedPair()
    closeDescriptor(ours)
    await servePages(paths, { ...options, inherited: { handOver: theirs } })
  }
  // Recorded, and gone.
  const [theirs, ours] = connectedPair()
  sendFew(ours, Buffer.of(1))
  closeDescriptor(ours)
  await assert.rejects(servePages(paths, { ...options, inherited: { handOver: theirs } }), {
    code: 'QEMU_DIED',
  })
  assert.deepEqual(readdirSync(path), [])
})
