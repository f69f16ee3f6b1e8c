import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Socket, connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { crc32c } from '../../io/crc32c.ts'
import { accept } from '../../../test/support/accept.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { StorageError } from '../../errors.ts'
import { DirectFile } from '../../io/files/direct-file.ts'
import { closeDescriptor, listenUnix } from '../../io/system-calls.ts'
import { StreamToFile } from './stream-to-file.ts'

interface Connected {
  readonly client: Socket
  readonly fd: number
}

async function connected(path: string): Promise<Connected> {
  const listener = listenUnix(path, 1)
  const client = connect(path)
  client.on('error', () => undefined)
  const fd = await accept(listener)
  closeDescriptor(listener)
  return { client, fd }
}

for (const length of [4, 100, 4096, 1 << 20, (1 << 20) + 1, 7_654_321]) {
  test(`StreamToFile writes a stream of ${length} bytes, padded, with its checksums`, async () => {
    await using dir = await tempDir()
    await using file = await DirectFile.open(dir.join('file'), 'create', { direct: true })
    const bytes = randomBytes(length)
    const { client, fd } = await connected(dir.join('socket'))
    // As if the first four had already been read to identify the connection.
    const stream = new StreamToFile(fd, bytes.subarray(0, 4), file, 8192)
    client.end(bytes.subarray(4))
    await stream.ended
    assert.equal(stream.bytesRead, length)
    assert.equal(stream.bytesWritten, Math.ceil(length / 4096) * 4096)
    assert.equal(stream.crc, crc32c(bytes))
    assert.equal(stream.headCrc, crc32c(bytes.subarray(0, 4096)))
    const written = await readFile(file.path)
    assert.ok(written.subarray(8192, 8192 + length).equals(bytes))
    assert.ok(written.subarray(8192 + length).every((byte) => byte === 0))
    assert.equal(written.length, 8192 + stream.bytesWritten)
  })
}

test('StreamToFile makes the sender wait when the disk is slow, and loses nothing', async () => {
  await using dir = await tempDir()
  await using file = await DirectFile.open(dir.join('file'), 'create', { direct: true })
  const write = file.write.bind(file)
  const gate = Promise.withResolvers<void>()
  file.write = async (bytes, offset) => {
    await gate.promise
    await delay(5)
    await write(bytes, offset)
  }
  const bytes = randomBytes(20 << 20)
  const { client, fd } = await connected(dir.join('socket'))
  const stream = new StreamToFile(fd, new Uint8Array(0), file, 0)
  client.end(bytes)
  for (let tries = 0; tries < 500 && stream.bytesRead < 3 << 20; tries += 1) await delay(20)
  await delay(50)
  assert.equal(stream.bytesRead, 3 << 20)
  gate.resolve()
  await stream.ended
  assert.ok((await readFile(file.path)).equals(bytes))
})

test('StreamToFile reports why a write failed, and discards further data until it is destroyed', async () => {
  await using dir = await tempDir()
  await using file = await DirectFile.open(dir.join('file'), 'create', { direct: true })
  const fault = new StorageError('NO_SPACE', 'The disk is full')
  file.write = () => Promise.reject(fault)
  const { client, fd } = await connected(dir.join('socket'))
  const stream = new StreamToFile(fd, new Uint8Array(0), file, 0)
  const closed = new Promise((resolve) => client.once('close', resolve))
  const sent = new Promise((resolve) => client.write(randomBytes(32 << 20), resolve))
  await assert.rejects(stream.ended, fault)
  await sent
  assert.equal(client.destroyed, false)
  stream.destroy()
  await closed
})

test('StreamToFile settles when it is destroyed', async () => {
  await using dir = await tempDir()
  await using file = await DirectFile.open(dir.join('file'), 'create', { direct: true })
  const { client, fd } = await connected(dir.join('socket'))
  const stream = new StreamToFile(fd, new Uint8Array(0), file, 0)
  client.write(randomBytes(2 << 20))
  await delay(20)
  stream.destroy()
  await stream.ended
  client.destroy()
})
