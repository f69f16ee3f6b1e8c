import assert from 'node:assert/strict'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { type Socket, connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { streamBytes } from '../../../test/support/channels-image.ts'
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts'
import { openImage } from '../../image/open-image.ts'
import { openChannelsReceiver } from './channels.ts'
import { openRawReceiver } from './raw.ts'
import type { ImageReceiverOptions } from '../image-receiver.ts'

const main = Buffer.concat([Buffer.from('QEVM'), streamBytes(3, 3_000_001)])
const channel = (seed: number, length: number): Buffer =>
  Buffer.concat([Buffer.of(0x11, 0x22, 0x33, 0x44), streamBytes(seed, length)])
const channels = [channel(5, 2_000_000), channel(7, 77)]

function optionsIn(dir: TempDir, more: Partial<ImageReceiverOptions> = {}): ImageReceiverOptions {
  return {
    path: dir.join('image'),
    socketPath: dir.join('s'),
    description: { xml: '<domain/>', cookie: '<cookie/>', wasRunning: true },
    channels: 2,
    codec: 'zstd',
    multifdCompression: 'zstd',
    compressionLevel: 'adaptive',
    direct: true,
    ...more,
  }
}

function send(dir: TempDir, bytes: Uint8Array): Socket {
  return connect(dir.join('s'))
    .on('error', () => undefined)
    .end(bytes)
}

const names = async (dir: TempDir): Promise<string[]> => (await readdir(dir.path)).sort()

test('openRawReceiver() writes the received stream and publishes it', async () => {
  await using dir = await tempDir()
  await using target = await openRawReceiver(optionsIn(dir))
  assert.equal(target.uri, `unix:${dir.join('s')}`)
  assert.deepEqual(target.multifd, { channels: 0, compression: 'none' })
  send(dir, main)
  await target.received
  assert.equal(target.progress().transferredBytes, main.length)
  const saved = await target.publish()
  assert.deepEqual(await names(dir), ['image'])
  const file = await readFile(dir.join('image'))
  assert.equal(saved.fileBytes, file.length)
  assert.ok(file.subarray(131072).equals(main))
  await using machine = await openImage(dir.join('image'), { direct: true })
  const { id: _, ...description } = machine.description
  assert.deepEqual(description, optionsIn(dir).description)
})

test('openChannelsReceiver() identifies main stream and channels in any order', async () => {
  await using dir = await tempDir()
  await using target = await openChannelsReceiver(optionsIn(dir))
  assert.deepEqual(target.multifd, { channels: 2, compression: 'zstd' })
  for (const bytes of [channels[0]!, main, channels[1]!]) {
    send(dir, bytes)
    await delay(10)
  }
  await target.received
  const saved = await target.publish()
  assert.deepEqual(await names(dir), ['image', 'image.1', 'image.2'])
  assert.ok((await readFile(dir.join('image.1'))).equals(channels[0]!))
  assert.ok((await readFile(dir.join('image.2'))).equals(channels[1]!))
  assert.equal(saved.fileBytes, (await readFile(dir.join('image'))).length + 2_000_004 + 81)
  await using machine = await openImage(dir.join('image'), { direct: true })
  assert.equal(machine.channels?.compression, 'zstd')
  for (const stream of ['main', 0, 1] as const)
    for await (const piece of machine.channels?.open(stream) ?? []) assert.ok(piece.length > 0)
})

for (const [name, openReceiver] of [
  ['openRawReceiver()', openRawReceiver],
  ['openChannelsReceiver()', openChannelsReceiver],
] as const) {
  test(`${name} leaves an existing file when it is disposed before any data arrived`, async () => {
    await using dir = await tempDir()
    await writeFile(dir.join('image'), 'an image')
    const target = await openReceiver(optionsIn(dir))
    await target[Symbol.asyncDispose]()
    await assert.rejects(target.received, { code: 'CANCELLED' })
    assert.deepEqual(await names(dir), ['image'])
    assert.equal(await readFile(dir.join('image'), 'latin1'), 'an image')
  })

  test(`${name} rejects on abort, and closes its connections when disposed`, async () => {
    await using dir = await tempDir()
    const target = await openReceiver(optionsIn(dir, { channels: 0 }))
    const client = connect(dir.join('s')).on('error', () => undefined)
    const closed = new Promise((resolve) => client.once('close', resolve))
    client.write(main)
    await delay(50)
    target.abort('enough')
    await assert.rejects(target.received, { code: 'CANCELLED', cause: 'enough' })
    // QEMU may go on for a while: nothing of it is kept, and nothing is in its way.
    await new Promise((resolve) => client.write(Buffer.alloc(8 << 20), resolve))
    await target[Symbol.asyncDispose]()
    await closed
    assert.deepEqual(await names(dir), [])
  })

  test(`${name} refuses a peer that is not QEMU`, async () => {
    await using dir = await tempDir()
    await using target = await openReceiver(optionsIn(dir, { channels: 0 }))
    send(dir, Buffer.from('GET / HTTP/1.0'))
    await assert.rejects(target.received, { code: 'QEMU_STREAM' })
  })

  test(`${name} leaves no file when it cannot listen`, async () => {
    await using dir = await tempDir()
    await writeFile(dir.join('s'), '')
    await assert.rejects(openReceiver(optionsIn(dir)), { operation: 'listen on a socket' })
    assert.deepEqual(await names(dir), ['s'])
  })
}

test('openChannelsReceiver() refuses two main connections', async () => {
  await using dir = await tempDir()
  await using target = await openChannelsReceiver(optionsIn(dir, { channels: 1 }))
  send(dir, main)
  send(dir, main)
  await assert.rejects(target.received, { code: 'QEMU_STREAM', message: /2 main connections/ })
})
