import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readFile, readdir, readlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { buildStasisImage } from '../../test/support/stasis-image.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { buildDescriptionArea } from './description-area.ts'
import { serialiseHeader } from './header.ts'
import { NewImage } from './new-image.ts'
import { openImage, readDescription } from './open-image.ts'
import type { SaveFormat } from './save-format.ts'

const description = { xml: '<domain/>', cookie: '<cookie/>', wasRunning: false }

/** An image as libvirt writes it: the body begins directly after the slack, at any offset. */
function libvirtImage(format: SaveFormat, body: Uint8Array, complete = true): Buffer {
  const { bytes, cookieOffset } = buildDescriptionArea(description)
  const area = bytes.subarray(0, 1001)
  const header = { complete, dataLength: area.length, wasRunning: false, format, cookieOffset }
  return Buffer.concat([serialiseHeader(header), area, body])
}

/** Bytes that end like a stream: with a footer and the end mark. */
const pattern = (length: number): Buffer => {
  const bytes = Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff))
  Buffer.from([0x7e, 0, 0, 0, 2, 0]).copy(bytes, length - 6)
  return bytes
}

async function streamOf(path: string, direct: boolean): Promise<Buffer> {
  await using machine = await openImage(path, { direct })
  const pieces: Buffer[] = []
  for await (const piece of machine.stream?.open() ?? []) pieces.push(Buffer.from(piece))
  assert.equal(
    machine.stream?.length,
    pieces.reduce((sum, { length }) => sum + length, 0),
  )
  return Buffer.concat(pieces)
}

test('openImage() returns the stream of a raw image at any offset', async () => {
  await using dir = await tempDir()
  for (const length of [6, 3002, 3003, 3004, 1 << 20, (5 << 20) + 17]) {
    const path = dir.join(`raw-${length}`)
    await writeFile(path, libvirtImage('raw', pattern(length)))
    for (const direct of [true, false])
      assert.ok((await streamOf(path, direct)).equals(pattern(length)), `${length} ${direct}`)
  }
})

test('openImage() returns the stream of a raw image that NewImage wrote', async () => {
  await using dir = await tempDir()
  const path = dir.join('raw')
  const body = pattern(70_000)
  {
    await using image = await NewImage.create(path, { format: 'raw', description, direct: true })
    assert.equal(image.bodyOffset % 65536, 0)
    await image.file.write(body, image.bodyOffset)
    await image.publish(image.bodyOffset + body.length)
  }
  assert.ok((await streamOf(path, true)).equals(body))
  const { id, ...read } = await readDescription(path)
  assert.match(id ?? '', /^[0-9a-f]{32}$/)
  assert.deepEqual(read, description)
})

test('an image without an id gets one from its content, which an edit of its description does not change', async () => {
  await using dir = await tempDir()
  const idOf = async (xml: string, body: Uint8Array): Promise<string | undefined> => {
    const image = libvirtImage('raw', body)
    image.write(xml, 92)
    await writeFile(dir.join('raw'), image)
    return (await readDescription(dir.join('raw'))).id
  }
  const id = await idOf('<domain/>', pattern(200_000))
  assert.match(id ?? '', /^[0-9a-f]{32}$/)
  assert.equal(await idOf('<DOMAIN/>', pattern(200_000)), id)
  assert.notEqual(await idOf('<domain/>', pattern(200_001)), id)
  const other = Buffer.from(pattern(200_000))
  other[199_999]! ^= 1
  assert.notEqual(await idOf('<domain/>', other), id)
})

test('NewImage leaves no file, and an existing file unchanged, when it is not published', async () => {
  await using dir = await tempDir()
  const path = dir.join('raw')
  await writeFile(path, 'an image')
  {
    await using image = await NewImage.create(path, { format: 'raw', description, direct: true })
    await assert.rejects(openImage(image.file.path, { direct: true }), { code: 'IMAGE_INCOMPLETE' })
  }
  assert.equal(await readFile(path, 'latin1'), 'an image')
})

test('openImage() refuses a raw image without body, readDescription() a truncated description', async () => {
  await using dir = await tempDir()
  const path = dir.join('raw')
  await writeFile(path, libvirtImage('raw', new Uint8Array(0)))
  await assert.rejects(openImage(path, { direct: true }), { code: 'IMAGE_TRUNCATED', offset: 1093 })
  await writeFile(path, libvirtImage('raw', new Uint8Array(0)).subarray(0, 500))
  await assert.rejects(readDescription(path), { code: 'IMAGE_TRUNCATED', offset: 500 })
})

test('openImage() reports an incomplete image when its save did not finish', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  await writeFile(path, libvirtImage('raw', pattern(10), false))
  await assert.rejects(openImage(path, { direct: true }), { code: 'IMAGE_INCOMPLETE', offset: 0 })
  const { bytes } = buildStasisImage()
  bytes.write('LibvirtQemudPart', 'latin1')
  await writeFile(path, bytes)
  await assert.rejects(openImage(path, { direct: true }), { code: 'IMAGE_INCOMPLETE' })
})

test('readDescription() reads, and reading the stream refuses, a body that is not compressed as its header says', async () => {
  await using dir = await tempDir()
  for (const format of ['gzip', 'bzip2', 'xz', 'lzop', 'zstd'] as const) {
    const path = dir.join(format)
    await writeFile(path, libvirtImage(format, pattern(1000)))
    const { id: _, ...read } = await readDescription(path)
    assert.deepEqual(read, description)
    await assert.rejects(streamOf(path, true), { code: 'IMAGE_CORRUPT', path })
  }
})

test('reading a packed stream distinguishes a truncated one from a damaged one', async () => {
  await using dir = await tempDir()
  const read = async (path: string): Promise<void> => {
    await using machine = await openImage(path, { direct: true })
    for await (const _ of machine.stream?.open() ?? []);
  }
  for (const format of ['gzip', 'bzip2', 'xz', 'lzop', 'zstd'] as const) {
    const { stdout: body } = spawnSync(format, ['-c'], { input: pattern(300_000) })
    const path = dir.join(format)
    await writeFile(path, libvirtImage(format, body))
    await read(path)
    await writeFile(path, libvirtImage(format, body.subarray(0, -8)))
    await assert.rejects(read(path), { code: 'IMAGE_TRUNCATED', path })
    const damaged = Buffer.from(body)
    damaged.fill(0xff, 30, 60)
    await writeFile(path, libvirtImage(format, damaged))
    await assert.rejects(read(path), { code: 'IMAGE_CORRUPT', path })
  }
})

test('openImage() explains what is wrong with a path that is not an image', async () => {
  await using dir = await tempDir()
  const open = (name: string): Promise<unknown> => openImage(dir.join(name), { direct: true })
  await assert.rejects(open('nothing'), { code: 'FILE_NOT_FOUND' })
  await mkdir(dir.join('directory'))
  await assert.rejects(open('directory'), { code: 'NOT_AN_IMAGE' })
  await writeFile(dir.join('empty'), '')
  await assert.rejects(open('empty'), { code: 'NOT_AN_IMAGE' })
  await writeFile(dir.join('text'), 'x'.repeat(5000))
  await assert.rejects(open('text'), { code: 'NOT_AN_IMAGE', offset: 0 })
})

test('openImage() bypasses the page cache only for stasis by default', async () => {
  await using dir = await tempDir()
  const [stasis, raw] = [dir.join('stasis'), dir.join('raw')]
  await writeFile(stasis, buildStasisImage().bytes)
  await writeFile(raw, libvirtImage('raw', pattern(1000)))
  const descriptors = async (path: string, direct?: boolean): Promise<number> => {
    await using _ = await openImage(path, { direct })
    return await descriptorsOf(path)
  }
  // Two where the file system supports O_DIRECT.
  const asked = await descriptors(stasis, true)
  assert.equal(await descriptors(stasis), asked)
  assert.equal(await descriptors(stasis, false), 1)
  assert.equal(await descriptors(raw), 1)
  assert.equal(await descriptors(raw, true), asked)
  assert.equal(await descriptorsOf(stasis), 0)
})

/** How many descriptors this process has for a file. */
async function descriptorsOf(path: string): Promise<number> {
  const fds = await readdir('/proc/self/fd')
  const targets = await Promise.all(
    fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return targets.filter((target) => target === path).length
}
