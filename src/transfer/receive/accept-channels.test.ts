import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { type Socket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeDescriptor, listenUnix } from '../../io/system-calls.ts'
import { acceptConnections } from './accept-channels.ts'

async function listener(): Promise<{ path: string; fd: number } & AsyncDisposable> {
  const directory = await mkdtempDisposable(join(tmpdir(), 'stasis-accept-'))
  const path = join(directory.path, 's')
  const fd = listenUnix(path, 4)
  return {
    path,
    fd,
    async [Symbol.asyncDispose]() {
      closeDescriptor(fd)
      await directory.remove()
    },
  }
}

test('acceptConnections() returns a descriptor for each connection when all have arrived', async () => {
  await using place = await listener()
  const clients: Socket[] = [0, 1, 2].map(() => connect(place.path))
  const descriptors = await acceptConnections(place.fd, 3, { timeoutMs: 5000 })
  assert.equal(new Set(descriptors).size, 3)
  for (const descriptor of descriptors) closeDescriptor(descriptor)
  for (const client of clients) client.destroy()
})

test('acceptConnections() closes the connections and reports their number when some do not arrive', async () => {
  await using place = await listener()
  const client = connect(place.path)
  const closed = new Promise((resolve) => client.once('close', resolve))
  client.on('error', () => undefined).resume()
  await assert.rejects(acceptConnections(place.fd, 2, { timeoutMs: 50 }), {
    code: 'QEMU_TIMEOUT',
    message: 'QEMU opened 1 of 2 connections within 50 ms',
  })
  await closed
})

test('acceptConnections() throws at once when the signal is aborted', async () => {
  await using place = await listener()
  const controller = new AbortController()
  const pending = acceptConnections(place.fd, 1, { timeoutMs: 5000, signal: controller.signal })
  controller.abort()
  await assert.rejects(pending, { code: 'CANCELLED' })
})
