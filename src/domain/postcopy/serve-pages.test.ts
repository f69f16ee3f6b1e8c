import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeDescriptor, connectedPair, sendFew } from '../../io/system-calls.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { servePages, waitUntilRecorded } from './serve-pages.ts'

test('waitUntilRecorded() names the domain, or returns nothing if the restore ends before that', async () => {
  const signal = AbortSignal.timeout(10_000)
  for (const sent of ['', '"a']) {
    const [theirs, ours] = connectedPair()
    sendFew(ours, Buffer.from(sent))
    closeDescriptor(ours)
    assert.equal(await waitUntilRecorded(theirs, signal), undefined)
  }
  const [theirs, ours] = connectedPair()
  sendFew(ours, Buffer.from(`"a \\" b"\n`))
  const recorded = await waitUntilRecorded(theirs, signal)
  assert.equal(recorded?.name, 'a " b')
  // The signal that follows is not a part of the name.
  sendFew(ours, Buffer.of(1))
  assert.equal(await recorded.channel.hears(signal), true)
  closeDescriptor(ours)
  assert.equal(await recorded.channel.hears(signal), false)
  recorded.channel[Symbol.dispose]()
})

test('servePages() changes nothing if the restore is gone before the server is to take over', async () => {
  const path = mkdtempSync(join(tmpdir(), 'stasis-test-'))
  using _directory = { [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
  const paths = runtimePaths({ stateDir: path, runtimeDir: path }, 'a')
  const [theirs, ours] = connectedPair()
  sendFew(ours, Buffer.from('"a"\n'))
  closeDescriptor(ours)
  const signal = AbortSignal.timeout(10_000)
  const recorded = await waitUntilRecorded(theirs, signal)
  const options = { program: '', id: 'x', signal, channel: recorded?.channel }
  await assert.rejects(servePages(paths, options), { code: 'QEMU_DIED' })
  assert.deepEqual(readdirSync(path), [])
})
