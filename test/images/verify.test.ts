import assert from 'node:assert/strict'
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { type ImageVerification, verifyImage } from '../../src/domain/images/verify-image.ts'
import { openImage } from '../../src/image/open-image.ts'
import type { SaveFormat } from '../../src/image/save-format.ts'
import { SAVE_FORMATS } from '../../src/image/format-table.ts'
import { FIXTURES, type Fixture, placeFixture } from '../support/fixtures.ts'
import { damage, findParts } from '../support/image-damage.ts'
import { stasis } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const fixture = FIXTURES.find(({ name }) => name === 'lv9.0-q35-raw') as Fixture

/** An image of a real guest that real libvirt saved, in any format. */
async function place(
  dir: TempDir,
  format: SaveFormat,
  compression?: 'none' | 'zlib',
): Promise<string> {
  const path = dir.join('image')
  await convertImage(placeFixture(fixture, dir), path, {
    stateDir: dir.join('state'),
    format,
    compression,
  })
  return path
}

/** The bytes of the files, to show that nothing was written. */
async function verifyUntouched(path: string): Promise<ImageVerification> {
  const before = await readFile(path)
  const result = await verifyImage(path)
  assert.ok(before.equals(await readFile(path)), 'the image is as it was')
  return result
}

describe('verifyImage() finds nothing wrong with a whole image', () => {
  for (const format of SAVE_FORMATS) {
    test(format, async () => {
      await using dir = await tempDir()
      const result = await verifyUntouched(await place(dir, format))
      assert.deepEqual([result.whole, result.damage, result.format], [true, [], format])
      assert.equal(result.blocks.find(({ name }) => name === 'pc.ram')?.damagedBytes, 0)
      assert.ok(result.readBytes > 0)
    })
  }
  for (const name of FIXTURES.map((each) => each.name)) {
    test(name, async () => {
      await using dir = await tempDir()
      const found = FIXTURES.find((each) => each.name === name) as Fixture
      const result = await verifyImage(placeFixture(found, dir))
      assert.deepEqual([result.whole, result.damage], [true, []])
    })
  }
})

for (const [compression, storedAs] of [
  [undefined, 'zstd'],
  ['zlib', 'zlib'],
  ['none', 'raw'],
] as const) {
  test(`verifyImage() lists every damaged frame of a stasis image in the guest's terms (${storedAs})`, async () => {
    await using dir = await tempDir()
    const path = await place(dir, 'stasis', compression)
    const { frames } = await findParts(path)
    const chosen = [...frames.entries()].filter(
      ([index, { block }]) => block === 'pc.ram' && index % 5 === 0,
    )
    assert.ok(chosen.length >= 2, `${frames.length} frames`)
    for (const [, { offset }] of chosen) await damage(path, offset + 16)
    const result = await verifyUntouched(path)
    assert.deepEqual([result.whole, result.salvageable], [false, true])
    assert.equal(result.damageCount, chosen.length)
    await using image = await openImage(path)
    for (const [at, [index, { offset }]] of chosen.entries()) {
      const { pages } = image
      const range = pages?.range(index)
      const found = result.damage[at]
      assert.equal(found?.kind, 'checksum')
      assert.equal(found.block, 'pc.ram')
      assert.deepEqual([found.firstPage, found.pageCount], [range?.firstPage, range?.pageCount])
      assert.deepEqual([found.offset, found.file], [offset, path])
      // The guest has less memory than the hole begins at, so addresses are offsets in the block.
      const from = (range?.firstPage ?? 0) * 4096
      assert.deepEqual(found.addresses, [{ from, to: from + (range?.pageCount ?? 0) * 4096 }])
      assert.ok(['raw', storedAs].includes(found.storedAs ?? ''), found.storedAs)
    }
  })
}

test('verifyImage() finds a damaged device state and a damaged description besides damaged pages', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'stasis')
  const { device, frames } = await findParts(path)
  await damage(path, device + 100)
  await damage(path, frames[0]?.offset ?? 0)
  await damage(path, 92 + 40_000)
  const { damage: found, salvageable } = await verifyUntouched(path)
  assert.deepEqual(
    found.map(({ part }) => part),
    ['structure', 'device state', 'memory'],
  )
  assert.match(found[0]?.text ?? '', /description/)
  assert.equal(salvageable, false)
})

test('verifyImage() says that nothing behind a damaged index can be found', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'stasis')
  await damage(path, (await findParts(path)).index + 70)
  const { damage: found, salvageable, whole } = await verifyUntouched(path)
  assert.deepEqual([whole, salvageable], [false, false])
  assert.match(found[0]?.text ?? '', /index/)
})

describe('verifyImage() finds that the end is missing', () => {
  for (const format of SAVE_FORMATS) {
    test(format, async () => {
      await using dir = await tempDir()
      const path = await place(dir, format)
      const { length } = await readFile(path)
      await truncate(path, Math.floor(length * 0.7))
      const { whole, salvageable, damage: found } = await verifyUntouched(path)
      assert.deepEqual([whole, salvageable], [false, false])
      assert.ok(found.length > 0)
    })
  }
})

describe('verifyImage() finds a flipped bit in compressed data, and how far the stream could be read', () => {
  for (const format of ['gzip', 'bzip2', 'xz', 'lzop', 'zstd'] as const) {
    test(format, async () => {
      await using dir = await tempDir()
      const path = await place(dir, format)
      const image = await readFile(path)
      const body = 92 + image.readUInt32LE(20)
      await damage(path, Math.floor(body + (image.length - body) / 2))
      const { damage: found, whole } = await verifyUntouched(path)
      assert.equal(whole, false)
      assert.equal(found[0]?.part, 'stream')
      assert.ok(
        found.some(({ part, kind }) => part === 'device state' && kind === 'missing'),
        'it says that the device state was not reached',
      )
      assert.ok(found.every(({ file }) => file === undefined || file === path))
    })
  }
})

test('verifyImage() finds that the end is missing wherever it is cut', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'raw')
  const whole = await readFile(path)
  for (const cut of [1, 100, 5000, 70_000, 100_000]) {
    await writeFile(path, whole.subarray(0, -cut))
    const { whole: isWhole, salvageable } = await verifyImage(path)
    assert.deepEqual([isWhole, salvageable], [false, false], `${cut} bytes`)
  }
})

test('verifyImage() finds a damaged record of a raw image, and every page that is missing since', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'raw')
  const image = await readFile(path)
  const record = image.indexOf('pc.ram', image.indexOf('pc.ram', 92 + image.readUInt32LE(20)) + 6)
  // The flags of the record that names the block.
  image.writeUInt8(0x77, record - 2)
  await writeFile(path, image)
  const { damage: found } = await verifyUntouched(path)
  assert.equal(found[0]?.part, 'stream')
  assert.equal(found[0].offset, record - 9)
  const missing = found.filter(({ kind, part }) => part === 'memory' && kind === 'missing')
  assert.ok(missing.some(({ block, pageCount = 0 }) => block === 'pc.ram' && pageCount > 100))
})

test('verifyImage() names the channel of a flipped bit, and its pages as suspect', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'channels')
  const file = `${path}.2`
  await damage(file, 64 + 1344 + 1344 + 4096 * 3)
  const { damage: found, blocks, salvageable } = await verifyUntouched(path)
  assert.equal(salvageable, true)
  assert.ok(found.some(({ part, file: where }) => part === 'channel' && where === file))
  const suspect = found.filter(({ kind }) => kind === 'suspect')
  assert.ok(suspect.length > 0 && suspect.every(({ channel }) => channel === 2))
  const ram = blocks.find(({ name }) => name === 'pc.ram')
  assert.equal(ram?.damagedBytes, 0)
  assert.ok(ram.suspectBytes > 0)
})

test('verifyImage() lists the pages of a channel file that is missing, and reads the others', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'channels')
  await rm(`${path}.1`)
  const { damage: found, blocks, salvageable } = await verifyUntouched(path)
  assert.equal(salvageable, true)
  assert.equal(found[0]?.file, `${path}.1`)
  assert.equal(found[0].kind, 'missing')
  const ram = blocks.find(({ name }) => name === 'pc.ram')
  assert.ok((ram?.damagedBytes ?? 0) > 0 && (ram?.dataBytes ?? 0) > 0)
})

test('verifyImage() lists the pages that a truncated channel file has lost', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'channels')
  const { length } = await readFile(`${path}.1`)
  await truncate(`${path}.1`, Math.floor(length / 2))
  const { damage: found, salvageable } = await verifyUntouched(path)
  assert.equal(salvageable, true)
  assert.deepEqual([found[0]?.kind, found[0]?.file], ['truncated', `${path}.1`])
  assert.ok(found.some(({ part, kind }) => part === 'memory' && kind === 'missing'))
})

test('verifyImage() does not trust the device state of a main stream with a wrong checksum', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'channels')
  const image = await readFile(path)
  const device =
    image.lastIndexOf('vmstate') > 0 ? image.lastIndexOf('vmstate') : image.length - 9000
  await damage(path, device)
  const { damage: found, salvageable } = await verifyUntouched(path)
  assert.equal(salvageable, false)
  assert.ok(found.some(({ part }) => part === 'device state'))
})

test('image-verify exits with 0, 8, 5 and 7, and reports damage as JSON', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'stasis')
  const stateDir = dir.join('state')
  const whole = await stasis(stateDir, 'image-verify', path)
  assert.equal(whole.exitCode, 0, whole.stderr)
  assert.match(whole.stdout, /whole/)
  const { frames } = await findParts(path)
  await damage(path, frames[0]?.offset ?? 0)
  const damaged = await stasis(stateDir, 'image-verify', path, '--json')
  assert.equal(damaged.exitCode, 8)
  const lines = damaged.stdout.trim().split('\n')
  const answer = JSON.parse(lines.at(-1) ?? '') as { images: readonly ImageVerification[] }
  assert.equal(answer.images[0]?.damage[0]?.offset, frames[0]?.offset)
  assert.match(damaged.stderr, /IMAGE_DAMAGED/)
  const other = dir.join('other')
  await writeFile(other, 'no image')
  assert.equal((await stasis(stateDir, 'image-verify', other)).exitCode, 5)
  assert.equal((await stasis(stateDir, 'image-verify', dir.join('none'))).exitCode, 7)
})

test('verifyImage() stops when it is cancelled', async () => {
  await using dir = await tempDir()
  for (const format of ['stasis', 'raw'] as const) {
    const path = await place(dir, format)
    const stop = new AbortController()
    const cancelled = verifyImage(path, { signal: stop.signal, onProgress: () => stop.abort() })
    await assert.rejects(cancelled, { code: 'CANCELLED' })
  }
})
