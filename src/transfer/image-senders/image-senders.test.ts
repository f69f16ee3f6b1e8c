import assert from 'node:assert/strict'
import { open, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { streamBytes, writeChannelsImage } from '../../../test/support/channels-image.ts'
import { fakeIncoming } from '../../../test/support/fake-incoming.ts'
import {
  TEST_HEAD,
  TEST_SECTIONS,
  TEST_TAIL,
  buildStasisImage,
  testPages,
} from '../../../test/support/stasis-image.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { openImage } from '../../image/open-image.ts'
import { NewImage } from '../../image/new-image.ts'
import { PAGE_SIZE } from '../../image/saved-machine.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import { openImageSender } from './sender-table.ts'

const options = { readers: 3, direct: true, backends: [] }
const pcRam = { id: 'pc.ram', length: 64 * PAGE_SIZE }
const main = streamBytes(3, 500_000)
const channels = [streamBytes(5, 5_000_000), streamBytes(7, 3_000_000)]
// A reader checks that a single stream ends as QEMU ends one.
const single = Buffer.concat([streamBytes(5, 5_000_000), TEST_TAIL])

/** The content of the 64 pages of `pc.ram` of the test image. */
function expectedRam(): Buffer {
  const ram = Buffer.alloc(64 * PAGE_SIZE)
  for (const [first, count] of [
    [0, 8],
    [16, 4],
    [63, 1],
  ] as const)
    ram.set(testPages(first, count), first * PAGE_SIZE)
  return ram
}

/** Parses the stream that a QEMU received: RAM by block name, zeros where the stream has zeros, 0xee where it has nothing. */
function parseStream(stream: Uint8Array): {
  readonly ram: Map<string, Buffer>
  readonly parser: MainStreamParser
} {
  const ram = new Map<string, Buffer>()
  const names: string[] = []
  const parser = new MainStreamParser({
    blocks: (blocks) => {
      for (const { name, length } of blocks) {
        names.push(name)
        ram.set(name, Buffer.alloc(length, 0xee))
      }
    },
    zeroPages: (block, first, count) =>
      ram.get(names[block]!)?.fill(0, first * PAGE_SIZE, (first + count) * PAGE_SIZE),
    page: (block, page, bytes) => ram.get(names[block]!)?.set(bytes, page * PAGE_SIZE),
  })
  parser.feed(stream)
  return { ram, parser }
}

async function stasisImage(path: string): Promise<void> {
  await writeFile(path, buildStasisImage().bytes)
}

test('openImageSender() fills the memory file of a backend and sends the other blocks', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await stasisImage(path)
  await using machine = await openImage(path, options)
  await using sender = openImageSender(machine, { ...options, backends: [pcRam] })
  assert.deepEqual(sender.multifd, { channels: 0, compression: 'none' })
  const memory = sender.memoryFiles.get('pc.ram')
  assert.ok(memory !== undefined)
  await using incoming = await fakeIncoming(dir.join('s'))
  await sender.send(dir.join('s'))
  await incoming.ended(1)
  assert.ok((await readFile(`/proc/self/fd/${memory}`)).equals(expectedRam()))
  const { ram, parser } = parseStream(incoming.received[0]!)
  assert.ok(ram.get('pc.ram')?.every((byte) => byte === 0xee))
  assert.ok(ram.get('rom')?.equals(testPages(1000, 2)))
  assert.deepEqual(
    { ...parser.finish() },
    { head: TEST_HEAD, ramSection: 2, sections: TEST_SECTIONS, tail: TEST_TAIL },
  )
  const { ramBytes, ramTotalBytes, fileBytes } = sender.progress()
  assert.equal(ramBytes, ramTotalBytes)
  assert.equal(ramTotalBytes, 66 * PAGE_SIZE)
  assert.ok(fileBytes > PAGE_SIZE)
})

test('openImageSender() sends every page of every block when there is no backend', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await stasisImage(path)
  await using machine = await openImage(path, options)
  await using sender = openImageSender(machine, options)
  assert.equal(sender.memoryFiles.size, 0)
  await using incoming = await fakeIncoming(dir.join('s'))
  await sender.send(dir.join('s'))
  await incoming.ended(1)
  const { ram } = parseStream(incoming.received[0]!)
  assert.ok(ram.get('pc.ram')?.equals(expectedRam()))
  assert.ok(ram.get('rom')?.equals(testPages(1000, 2)))
})

test('openImageSender() refuses a backend that does not fit the image', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await stasisImage(path)
  await using machine = await openImage(path, options)
  const refusal = (id: string, length: number): void => {
    assert.throws(() => openImageSender(machine, { ...options, backends: [{ id, length }] }), {
      code: 'IMAGE_INCOMPATIBLE',
      path,
    })
  }
  refusal('ram', 64 * PAGE_SIZE)
  refusal('pc.ram', 65 * PAGE_SIZE)
})

test('openImageSender() leaves a mapped-ram file to a QEMU with a loader for it, unless QEMU maps blocks', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await stasisImage(path)
  await using opened = await openImage(path, options)
  const machine = { ...opened, mappedRam: { fd: 9, offset: 4000, direct: true } }
  const backends = [pcRam]
  await using left = openImageSender(machine, { ...options, backends, mappedRam: true })
  assert.deepEqual(left.mappedRam, {
    uri: `file:/proc/${process.pid}/fd/9,offset=4000`,
    directIo: true,
  })
  assert.deepEqual(left.multifd, { channels: 3, compression: 'none' })
  assert.equal(left.memoryFiles.size, 0)
  assert.ok(left.progress().ramTotalBytes > PAGE_SIZE)
  const others = [
    { mappedRam: false },
    { mappedRam: undefined },
    { mappedRam: true, mapped: new Set(['pc.ram']) },
  ]
  for (const other of others) {
    await using sender = openImageSender(machine, { ...options, ...other })
    assert.equal(sender.mappedRam, undefined)
  }
  const wrong = [{ id: 'pc.ram', length: PAGE_SIZE }]
  assert.throws(() => openImageSender(machine, { ...options, mappedRam: true, backends: wrong }), {
    code: 'IMAGE_INCOMPATIBLE',
  })
})

test('send() reports a damaged frame, and sends no devices', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  const { bytes, frames } = buildStasisImage()
  bytes[frames[0]!.offset + 3]! ^= 1
  await writeFile(path, bytes)
  await using machine = await openImage(path, options)
  await using sender = openImageSender(machine, { ...options, backends: [pcRam] })
  await using incoming = await fakeIncoming(dir.join('s'))
  await assert.rejects(sender.send(dir.join('s')), {
    code: 'IMAGE_CORRUPT',
    offset: frames[0]!.offset,
  })
  await incoming.ended(1)
  assert.ok(!incoming.received[0]!.includes(TEST_SECTIONS))
})

test('a sender that is disposed before send() leaves nothing behind', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await stasisImage(path)
  await using machine = await openImage(path, options)
  const sender = openImageSender(machine, { ...options, backends: [pcRam] })
  const memory = sender.memoryFiles.get('pc.ram')
  await sender[Symbol.asyncDispose]()
  await assert.rejects(readFile(`/proc/self/fd/${memory}`))
})

async function rawImage(path: string, body: Uint8Array): Promise<void> {
  const description = { xml: '<domain/>', cookie: undefined, wasRunning: true }
  await using image = await NewImage.create(path, { format: 'raw', description, direct: true })
  await image.file.write(body, image.bodyOffset)
  await image.publish(image.bodyOffset + body.length)
}

test('openImageSender() sends a raw stream verbatim', async () => {
  await using dir = await tempDir()
  await rawImage(dir.join('image'), single)
  await using machine = await openImage(dir.join('image'), options)
  await using sender = openImageSender(machine, options)
  await using incoming = await fakeIncoming(dir.join('s'))
  await sender.send(dir.join('s'))
  await incoming.ended(1)
  assert.ok(incoming.received[0]!.equals(single))
  assert.equal(sender.progress().transferredBytes, single.length)
})

test('openImageSender() sends channels verbatim, main first', async () => {
  await using dir = await tempDir()
  await writeChannelsImage(dir.join('image'), main, channels)
  await using machine = await openImage(dir.join('image'), options)
  await using sender = openImageSender(machine, options)
  assert.deepEqual(sender.multifd, { channels: 2, compression: 'none' })
  await using incoming = await fakeIncoming(dir.join('s'))
  await sender.send(dir.join('s'))
  await incoming.ended(3)
  for (const [index, bytes] of [main, ...channels].entries())
    assert.ok(incoming.received[index]!.equals(bytes), `connection ${index}`)
  assert.deepEqual(sender.progress().channelBytes, [5_000_000, 3_000_000])
})

test('send() rejects and withholds the end when the checksum of a channel is wrong', async () => {
  await using dir = await tempDir()
  await writeChannelsImage(dir.join('image'), main, channels)
  {
    await using file = await open(dir.join('image.2'), 'r+')
    await file.write(Buffer.of(0xff), 0, 1, 2_500_000)
  }
  // Also when QEMU fails on it first.
  for (const hangUpAfter of [Infinity, 300_000]) {
    const socket = dir.join(`s${hangUpAfter}`)
    await using machine = await openImage(dir.join('image'), options)
    await using sender = openImageSender(machine, options)
    await using incoming = await fakeIncoming(socket, { hangUpAfter })
    await assert.rejects(sender.send(socket), { code: 'IMAGE_CORRUPT', path: dir.join('image.2') })
    await incoming.ended(3)
    assert.ok(incoming.received[2]!.length < 3_000_000)
  }
})

async function makeImage(kind: 'raw' | 'channels' | 'stasis', path: string): Promise<void> {
  if (kind === 'raw') await rawImage(path, single)
  else if (kind === 'channels') await writeChannelsImage(path, main, channels)
  else await stasisImage(path)
}

for (const kind of ['raw', 'channels'] as const) {
  test(`send() of a ${kind} image says that QEMU died when it hangs up early`, async () => {
    await using dir = await tempDir()
    await makeImage(kind, dir.join('image'))
    await using machine = await openImage(dir.join('image'), options)
    await using sender = openImageSender(machine, options)
    await using _incoming = await fakeIncoming(dir.join('s'), { hangUpAfter: 10 })
    await assert.rejects(sender.send(dir.join('s')), { code: 'QEMU_DIED', path: dir.join('s') })
  })
}

for (const kind of ['raw', 'channels', 'stasis'] as const) {
  test(`send() of a ${kind} image says that QEMU died when nobody listens`, async () => {
    await using dir = await tempDir()
    await makeImage(kind, dir.join('image'))
    await using machine = await openImage(dir.join('image'), options)
    await using sender = openImageSender(machine, options)
    await assert.rejects(sender.send(dir.join('s')), { code: 'QEMU_DIED', path: dir.join('s') })
  })

  test(`send() of a ${kind} image ends when the signal is aborted`, async () => {
    await using dir = await tempDir()
    await makeImage(kind, dir.join('image'))
    await using machine = await openImage(dir.join('image'), options)
    const controller = new AbortController()
    await using sender = openImageSender(machine, { ...options, signal: controller.signal })
    await using _incoming = await fakeIncoming(dir.join('s'))
    const sending = sender.send(dir.join('s'))
    controller.abort('enough')
    await assert.rejects(sending, { code: 'CANCELLED' })
  })
}
