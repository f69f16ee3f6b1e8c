import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { type Socket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeDescriptor, listenUnix } from '../../io/system-calls.ts'
import { acceptConnections } from './accept-connections.ts'

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

const MAIN = Buffer.from('QEVM')
const CHANNEL = Buffer.of(0x11, 0x22, 0x33, 0x44)

/** A peer that sends these bytes and stays. */
function peer(path: string, bytes: Uint8Array): Socket {
  const socket = connect(path)
  socket.on('error', () => undefined).resume()
  socket.write(bytes)
  return socket
}

const closing = (sockets: readonly Socket[]): Promise<unknown> =>
  Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))))

test('acceptConnections() tells the main connection and the channels apart', async () => {
  await using place = await listener()
  const peers = [CHANNEL, MAIN, CHANNEL].map((bytes) => peer(place.path, bytes))
  const { main, channels } = await acceptConnections(place.fd, 2, { timeoutMs: 5000 })
  assert.deepEqual(main.first, MAIN)
  assert.deepEqual(
    channels.map(({ first }) => first),
    [CHANNEL, CHANNEL],
  )
  const fds = [main, ...channels].map(({ fd }) => fd)
  assert.equal(new Set(fds).size, 3)
  for (const fd of fds) closeDescriptor(fd)
  for (const each of peers) each.destroy()
})

test('acceptConnections() does not wait for the first word when it is asked to pass the connection on at once', async () => {
  await using place = await listener()
  const silent = peer(place.path, Buffer.of())
  const { main } = await acceptConnections(place.fd, 0, { timeoutMs: 5000, atOnce: true })
  assert.equal(main.first.length, 0)
  closeDescriptor(main.fd)
  silent.destroy()
})

test('acceptConnections() refuses a stranger at once, though another stays silent', async () => {
  await using place = await listener()
  const peers = [Buffer.from('GET / HTTP/1.0'), Buffer.of()].map((bytes) => peer(place.path, bytes))
  const closed = closing(peers)
  await assert.rejects(acceptConnections(place.fd, 1, { timeoutMs: 5000 }), {
    code: 'QEMU_STREAM',
    message: /starts with 47455420/,
  })
  await closed
})

test('acceptConnections() closes all when one is silent for too long', async () => {
  await using place = await listener()
  const closed = closing([MAIN, Buffer.of()].map((bytes) => peer(place.path, bytes)))
  await assert.rejects(acceptConnections(place.fd, 1, { timeoutMs: 50 }), { code: 'QEMU_TIMEOUT' })
  await closed
})

test('acceptConnections() closes what came and says how many when the rest does not come', async () => {
  await using place = await listener()
  const client = connect(place.path)
  const closed = new Promise((resolve) => client.once('close', resolve))
  client.on('error', () => undefined).resume()
  await assert.rejects(acceptConnections(place.fd, 1, { timeoutMs: 50 }), {
    code: 'QEMU_TIMEOUT',
    message: 'QEMU opened 1 of 2 connections within 50 ms',
  })
  await closed
})

test('acceptConnections() ends at once when the signal is aborted', async () => {
  await using place = await listener()
  const controller = new AbortController()
  const pending = acceptConnections(place.fd, 0, { timeoutMs: 5000, signal: controller.signal })
  controller.abort()
  await assert.rejects(pending, { code: 'CANCELLED' })
})
