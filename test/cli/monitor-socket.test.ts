import assert from 'node:assert/strict'
import { type EventEmitter, once } from 'node:events'
import { type Server, type Socket, Socket as NodeSocket, createServer } from 'node:net'
import { test } from 'node:test'
import { createConnection } from '../../scripts/bundle/stand-ins/monitor-socket.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

interface Client extends EventEmitter {
  pause(): void
  resume(): void
  write(text: string): void
  destroy(reason?: Error): void
}

function connectTo(path: string): Client {
  const client = createConnection({ path }) as Client
  assert.ok(!(client instanceof NodeSocket), 'it is the socket of Node: nothing is tested')
  return client
}

async function listening(dir: TempDir, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer(accept)
  server.listen(dir.join('s'))
  await once(server, 'listening')
  return server
}

test('createConnection() sends and receives text of any length, and reads nothing before resume()', async () => {
  await using dir = await tempDir()
  await using _server = await listening(dir, (socket) => socket.pipe(socket))
  const client = connectTo(dir.join('s'))
  await once(client, 'connect')
  client.pause()
  const sent = 'größer als ein Puffer '.repeat(100_000)
  client.write(sent)
  const pieces: Buffer[] = []
  client.on('data', (piece: Buffer) => pieces.push(piece))
  await new Promise((resolve) => void setTimeout(resolve, 50))
  assert.equal(pieces.length, 0)
  client.resume()
  const length = Buffer.byteLength(sent)
  while (Buffer.concat(pieces).length < length) await once(client, 'data')
  assert.equal(Buffer.concat(pieces).toString(), sent)
  client.destroy()
  await once(client, 'close')
})

test('createConnection() reports why it did not connect, as node:net does', async () => {
  await using dir = await tempDir()
  const client = connectTo(dir.join('nobody'))
  const closed = new Promise((resolve) => client.once('close', resolve))
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ENOENT')
  assert.equal(error.message, `connect ENOENT ${dir.join('nobody')}`)
  await closed
})

test('a monitor socket closes when its peer does, and ignores what is written then', async () => {
  await using dir = await tempDir()
  await using _server = await listening(dir, (socket) => socket.end('last words'))
  const client = connectTo(dir.join('s'))
  await once(client, 'connect')
  const [closed, data] = [once(client, 'close'), once(client, 'data')]
  client.resume()
  assert.equal(String((await data)[0]), 'last words')
  await closed
  client.write('nobody reads this')
})

test('a monitor socket reports the reason of destroy() once', async () => {
  await using dir = await tempDir()
  await using _server = await listening(dir, (socket) => socket.on('error', () => undefined))
  const client = connectTo(dir.join('s'))
  await once(client, 'connect')
  const errors: unknown[] = []
  client.on('error', (error) => errors.push(error))
  const reason = new Error('enough')
  client.destroy(reason)
  client.destroy(new Error('again'))
  await once(client, 'close')
  assert.deepEqual(errors, [reason])
})
