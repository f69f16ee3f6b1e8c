import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  appendFile,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { test } from 'node:test'
import {
  fillChannelsImage,
  streamBytes,
  writeChannelsImage,
} from '../../../test/support/channels-image.ts'
import { faultEnvironment } from '../../../test/support/faults/fault-environment.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { ImageError } from '../../errors.ts'
import { openImage } from '../open-image.ts'
import type { ChannelStreams } from '../saved-machine.ts'
import { newChannelPath } from './channel-path.ts'

const main = streamBytes(3, 10_000)
const channels = [streamBytes(5, 3_000_000), streamBytes(7, 2_097_152), streamBytes(11, 100)]
const older = [
  streamBytes(13, 5000),
  streamBytes(17, 5000),
  streamBytes(19, 5000),
  streamBytes(23, 5000),
]

async function bytesOf(streams: ChannelStreams, channel: number | 'main'): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of streams.open(channel)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

async function check(path: string, expected: readonly Uint8Array[]): Promise<void> {
  await using machine = await openImage(path, { direct: true })
  const { channels: streams } = machine
  assert.ok(streams)
  assert.equal(streams.count, expected.length)
  assert.ok((await bytesOf(streams, 'main')).equals(main))
  for (const [channel, bytes] of expected.entries())
    assert.ok((await bytesOf(streams, channel)).equals(bytes), `channel ${channel}`)
}

async function flip(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0]! ^= 1
  await file.write(byte, 0, 1, at)
}

test('openChannels() returns the streams that ChannelsWriter wrote', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await writeChannelsImage(path, main, channels)
  assert.deepEqual((await readdir(dir.path)).sort(), ['image', 'image.1', 'image.2', 'image.3'])
  await check(path, channels)
  await using machine = await openImage(path, { direct: true })
  assert.equal(machine.channels?.length, 10_000 + 3_000_000 + 2_097_152 + 100)
})

const faults: readonly [string, string, (path: string) => Promise<void>, string | undefined][] = [
  ['a channel file is missing', 'IMAGE_CHANNEL_MISSING', (path) => rm(`${path}.2`), '.2'],
  [
    'two channel files are swapped',
    'IMAGE_CHANNEL_FOREIGN',
    async (path) => {
      await rename(`${path}.1`, `${path}.x`)
      await rename(`${path}.2`, `${path}.1`)
      await rename(`${path}.x`, `${path}.2`)
    },
    '.1',
  ],
  ['a channel file is cut', 'IMAGE_TRUNCATED', (path) => truncate(`${path}.2`, 2_097_151), '.2'],
  [
    'a channel file is cut in its head',
    'IMAGE_TRUNCATED',
    (path) => truncate(`${path}.1`, 9),
    '.1',
  ],
  ['a channel file is longer', 'IMAGE_CORRUPT', (path) => appendFile(`${path}.3`, 'x'), '.3'],
  ['FILE is cut', 'IMAGE_TRUNCATED', (path) => truncate(path, 131072 + 10_000), ''],
  ['FILE is longer', 'IMAGE_CORRUPT', (path) => appendFile(path, 'x'), ''],
  ['the table is damaged', 'IMAGE_CORRUPT', (path) => flip(path, 131072 + 12_288 + 20), ''],
  [
    'the end of the table is damaged',
    'IMAGE_CORRUPT',
    (path) => flip(path, 131072 + 12_288 + 110),
    '',
  ],
]

for (const [when, code, damage, suffix] of faults) {
  test(`openChannels() refuses when ${when}`, async () => {
    await using dir = await tempDir()
    const path = dir.join('image')
    await writeChannelsImage(path, main, channels)
    await damage(path)
    await assert.rejects(openImage(path, { direct: true }), { code, path: `${path}${suffix}` })
  })
}

for (const [stream, file, at] of [
  ['main', '', 131072 + 5000],
  [0, '.1', 2_999_999],
  [0, '.1', 1_000_000],
] as const) {
  test(`open() withholds the end of stream ${stream} when byte ${at} of its file is wrong`, async () => {
    await using dir = await tempDir()
    const path = dir.join('image')
    await writeChannelsImage(path, main, channels)
    await flip(`${path}${file}`, at)
    await using machine = await openImage(path, { direct: true })
    let read = 0
    const reading = (async (): Promise<void> => {
      for await (const piece of machine.channels?.open(stream) ?? []) read += piece.length
    })()
    await assert.rejects(reading, (error) => {
      assert.ok(error instanceof ImageError && error.code === 'IMAGE_CORRUPT')
      return error.path === `${path}${file}`
    })
    assert.ok(read < (stream === 'main' ? main.length : 3_000_000))
  })
}

test('ChannelsWriter does not change an existing image when it is not published', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await writeChannelsImage(path, main, channels)
  {
    await using _filled = await fillChannelsImage(path, main, older)
    await check(path, channels)
  }
  await check(path, channels)
  assert.equal((await readdir(dir.path)).length, 4)
})

test('ChannelsWriter replaces an image and removes channel files that only the old one had', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await writeChannelsImage(path, main, older)
  await writeFile(dir.join('image.5'), 'not ours')
  await writeChannelsImage(path, main, channels)
  await check(path, channels)
  assert.deepEqual((await readdir(dir.path)).sort(), [
    'image',
    'image.1',
    'image.2',
    'image.3',
    'image.5',
  ])
})

test('an image is complete when its writer died before it renamed the channel files', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await writeChannelsImage(path, main, channels)
  const imageId = (await readFile(path)).subarray(131072 + 12_288 + 16, 131072 + 12_288 + 32)
  await rename(`${path}.1`, newChannelPath(path, 0, imageId))
  await rename(`${path}.3`, newChannelPath(path, 2, imageId))
  // A channel file of the image that was replaced.
  await writeFile(`${path}.1`, older[0]!)
  await check(path, channels)
  // A save that fails must not remove them as leftovers; one that succeeds removes them.
  await (await fillChannelsImage(path, main, older))[Symbol.asyncDispose]()
  await check(path, channels)
  await writeChannelsImage(path, main, older)
  await check(path, older)
  assert.equal((await readdir(dir.path)).length, 5)
})

test('ChannelsWriter removes the files of dead writers, not those of running ones', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  const dead = newChannelPath(path, 6, new Uint8Array(16).fill(0xab))
  await writeFile(dead, 'left behind')
  await using living = await fillChannelsImage(path, main, channels)
  await writeChannelsImage(path, main, older)
  const names = await readdir(dir.path)
  assert.ok(!names.some((name) => dead.endsWith(name)))
  assert.equal(names.filter((name) => name.endsWith('.partial')).length, 4)
  await living.publish()
  await check(path, channels)
  assert.equal((await readdir(dir.path)).length, 4)
})

test('ChannelsWriter refuses when a channel file cannot get its name', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await mkdir(`${path}.2`)
  await assert.rejects(fillChannelsImage(path, main, channels), {
    code: 'FILE_EXISTS',
    path: `${path}.2`,
  })
  assert.deepEqual(await readdir(dir.path), ['image.2'])
})

for (const [call, code] of [
  ['readdir', 'EMFILE'],
  ['close', 'EIO'],
  ['rename', 'EIO'],
  ['renameat2', 'EIO'],
  ['unlink', 'EACCES'],
  ['fsync', 'EIO'],
] as const) {
  test(`ChannelsWriter.publish() fails only with the older image in place when ${call} fails with ${code}`, async () => {
    await using dir = await tempDir()
    const path = dir.join('image')
    await writeChannelsImage(path, main, older)
    let before = await readFile(path)
    for (let nth = 1; ; nth += 1) {
      const { isPublished, hasFailed } = publishWithFault(
        path,
        `${call}:${code}:${nth}:${dir.path}`,
      )
      const now = await readFile(path)
      assert.equal(now.equals(before), !isPublished, `call ${nth}`)
      await (await openImage(path))[Symbol.asyncDispose]()
      before = now
      if (!hasFailed) {
        assert.ok(nth > 1, 'no such call')
        return
      }
    }
  })
}

/** Writes and publishes an image in a process of its own, in which one call fails. */
function publishWithFault(
  path: string,
  fault: string,
): { readonly isPublished: boolean; readonly hasFailed: boolean } {
  const support = new URL('../../../test/support/channels-image.ts', import.meta.url).href
  const program = `
    import { streamBytes, writeChannelsImage } from ${JSON.stringify(support)}
    try {
      await writeChannelsImage(process.argv[1], streamBytes(3, 5000), [1, 2].map((seed) => streamBytes(seed, 5000)))
      console.log('published')
    } catch (error) {
      console.log(error.code)
    }`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program, path],
    { encoding: 'utf8', env: { ...process.env, ...faultEnvironment({ fault }) } },
  )
  return {
    isPublished: stdout.trim() === 'published',
    hasFailed: stderr.includes('planned fault'),
  }
}

test('publish() fails when somebody removed a new channel file, and the older image stays', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await writeChannelsImage(path, main, older)
  for (const replace of [false, true]) {
    await using filled = await fillChannelsImage(path, main, channels)
    const file = filled.writer.channels[1]
    assert.ok(file)
    await rm(file.path)
    if (replace) await writeFile(file.path, 'of somebody else')
    await assert.rejects(filled.publish(), { code: 'IO_ERROR', path: file.path })
  }
  await check(path, older)
})
