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
import type { SavedMachine } from '../../image/saved-machine.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { openChannelsSender } from './channels.ts'
import type { ImageSender } from './image-sender.ts'
import { type PagesSender, type PagesSenderOptions, openPagesSender } from './pages.ts'
import { openStreamSender } from './stream.ts'

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

function sendPages(
  { path, pages, deviceState }: SavedMachine,
  more: Partial<PagesSenderOptions> = {},
): PagesSender {
  assert.ok(pages !== undefined && deviceState !== undefined)
  return openPagesSender(path, pages, deviceState, { ...options, ...more })
}

/** The sender for what an image offers. */
function sendAny(machine: SavedMachine, signal?: AbortSignal): ImageSender {
  const { channels: several, stream } = machine
  if (several !== undefined) return openChannelsSender(several, { signal })
  return stream === undefined
    ? sendPages(machine, { signal })
    : openStreamSender(stream, { signal })
}

async function stasisImage(path: string): Promise<void> {
  await writeFile(path, buildStasisImage().bytes)
}

test('openPagesSender() fills the memory file of a backend and sends the other blocks', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await stasisImage(path)
  await using machine = await openImage(path, options)
  await using sender = sendPages(machine, { backends: [pcRam] })
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

test('openPagesSender() sends every page of every block when there is no backend', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await stasisImage(path)
  await using machine = await openImage(path, options)
  await using sender = sendPages(machine)
  assert.equal(sender.memoryFiles.size, 0)
  await using incoming = await fakeIncoming(dir.join('s'))
  await sender.send(dir.join('s'))
  await incoming.ended(1)
  const { ram } = parseStream(incoming.received[0]!)
  assert.ok(ram.get('pc.ram')?.equals(expectedRam()))
  assert.ok(ram.get('rom')?.equals(testPages(1000, 2)))
})

test('openPagesSender() refuses a backend that does not fit the image', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await stasisImage(path)
  await using machine = await openImage(path, options)
  const refusal = (id: string, length: number): void => {
    assert.throws(() => sendPages(machine, { backends: [{ id, length }] }), {
      code: 'IMAGE_INCOMPATIBLE',
      path,
    })
  }
  refusal('ram', 64 * PAGE_SIZE)
  refusal('pc.ram', 65 * PAGE_SIZE)
})

test('send() reports a damaged frame, and sends no devices', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  const { bytes, frames } = buildStasisImage()
  bytes[frames[0]!.offset + 3]! ^= 1
  await writeFile(path, bytes)
  await using machine = await openImage(path, options)
  await using sender = sendPages(machine, { backends: [pcRam] })
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
  const sender = sendPages(machine, { backends: [pcRam] })
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

test('openStreamSender() sends a raw stream verbatim', async () => {
  await using dir = await tempDir()
  await rawImage(dir.join('image'), single)
  await using machine = await openImage(dir.join('image'), options)
  await using sender = sendAny(machine)
  await using incoming = await fakeIncoming(dir.join('s'))
  await sender.send(dir.join('s'))
  await incoming.ended(1)
  assert.ok(incoming.received[0]!.equals(single))
  assert.equal(sender.progress().transferredBytes, single.length)
})

test('openChannelsSender() sends channels verbatim, main first', async () => {
  await using dir = await tempDir()
  await writeChannelsImage(dir.join('image'), main, channels)
  await using machine = await openImage(dir.join('image'), options)
  await using sender = sendAny(machine)
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
    await using sender = sendAny(machine)
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
    await using sender = sendAny(machine)
    await using _incoming = await fakeIncoming(dir.join('s'), { hangUpAfter: 10 })
    await assert.rejects(sender.send(dir.join('s')), { code: 'QEMU_DIED', path: dir.join('s') })
  })
}

for (const kind of ['raw', 'channels', 'stasis'] as const) {
  test(`send() of a ${kind} image says that QEMU died when nobody listens`, async () => {
    await using dir = await tempDir()
    await makeImage(kind, dir.join('image'))
    await using machine = await openImage(dir.join('image'), options)
    await using sender = sendAny(machine)
    await assert.rejects(sender.send(dir.join('s')), { code: 'QEMU_DIED', path: dir.join('s') })
  })

  test(`send() of a ${kind} image ends when the signal is aborted`, async () => {
    await using dir = await tempDir()
    await makeImage(kind, dir.join('image'))
    await using machine = await openImage(dir.join('image'), options)
    const controller = new AbortController()
    await using sender = sendAny(machine, controller.signal)
    await using _incoming = await fakeIncoming(dir.join('s'))
    const sending = sender.send(dir.join('s'))
    controller.abort('enough')
    await assert.rejects(sending, { code: 'CANCELLED' })
  })
}
