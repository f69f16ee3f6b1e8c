import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, readdir, truncate, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { defineImage } from '../../src/domain/images/define-image.ts'
import { salvageImage } from '../../src/domain/images/salvage-image.ts'
import { verifyImage } from '../../src/domain/images/verify-image.ts'
import { openImage, readDescription } from '../../src/image/open-image.ts'
import {
  destroyDomain,
  managedSaveDomain,
  removeManagedSave,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { FIXTURES, type Fixture, fixtureXml, placeFixture, qemusFor } from '../support/fixtures.ts'
import { damage } from '../support/image-damage.ts'
import { newestQemu, oldestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const FORMATS = ['raw', 'gzip', 'bzip2', 'xz', 'lzop', 'zstd', 'sparse'] as const

const fixture = FIXTURES.find(({ name }) => name === 'lv9.0-q35-raw') as Fixture
const emulator = qemusFor(fixture)[0]?.emulator ?? ''

async function place(dir: TempDir, format: (typeof FORMATS)[number]): Promise<string> {
  const path = dir.join('image')
  const stateDir = dir.join('state')
  await convertImage(placeFixture(fixture, dir), path, { stateDir, format, digest: true })
  return path
}

/** Where a page of the guest's memory is in a `raw` or `sparse` image: a page of firmware text, far from records and bitmaps. */
async function pageOffset(path: string): Promise<number> {
  const image = await readFile(path)
  const at = image.indexOf('SeaBIOS', 200_000)
  assert.ok(at > 0)
  return at
}

describe('a digest shows that a whole image is whole, and refuses it with one byte changed', () => {
  for (const format of FORMATS) {
    test(format, { timeout: 60_000 }, async () => {
      await using dir = await tempDir()
      const path = await place(dir, format)
      const stateDir = dir.join('state')
      const whole = await verifyImage(path)
      assert.deepEqual([whole.whole, whole.checksums, whole.digest.state], [true, 'digest', 'fits'])
      await convertImage(path, dir.join('copy'), { stateDir })
      const hasPages = format === 'raw' || format === 'sparse'
      const { length } = await readFile(path)
      const at = hasPages ? await pageOffset(path) : length - 20_000
      await damage(path, at)
      const { whole: isWhole, damage: found } = await verifyImage(path)
      assert.equal(isWhole, false)
      const covers = found.some(
        ({ kind, offset = Infinity, length: bytes = 0 }) =>
          kind === 'checksum' && offset <= at && at < offset + bytes,
      )
      assert.ok(covers, JSON.stringify(found.slice(0, 3)))
      if (hasPages)
        assert.ok(found.some(({ part, kind }) => part === 'memory' && kind === 'checksum'))
      const xml = { text: fixtureXml(fixture, dir, emulator, dir.join('serial')) }
      const refused = { code: /IMAGE_(CORRUPT|TRUNCATED)/ }
      await assert.rejects(restoreDomain(path, { stateDir, xml, mode: 'load' }), refused)
      await assert.rejects(convertImage(path, dir.join('copy'), { stateDir }), refused)
    })
  }
})

test('image-salvage zeroes exactly the chunk of a sparse image, and the pages of a raw one, that differ from the digest', async () => {
  for (const format of ['sparse', 'raw'] as const) {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const path = await place(dir, format)
    const at = await pageOffset(path)
    await damage(path, at)
    const output = dir.join('new')
    const { zeroedPages, to } = await salvageImage(path, output, { stateDir, acceptDamage: true })
    assert.ok(zeroedPages >= 1 && zeroedPages <= 17, `${format}: ${zeroedPages}`)
    assert.equal(to?.path, output)
    assert.equal((await verifyImage(output)).whole, true)
  }
})

test('a digest survives an edit of the description, and a truncated image is damaged', async () => {
  await using dir = await tempDir()
  const path = await place(dir, 'raw')
  const changed = await defineImage(
    path,
    (xml) => Promise.resolve(xml.replace('</name>', '</name>\n  <title>other</title>')),
    { stateDir: dir.join('state'), resumeAs: 'paused' },
  )
  assert.equal(changed, true)
  const { whole, digest } = await verifyImage(path)
  assert.deepEqual([whole, digest.state], [true, 'fits'])
  await truncate(path, (await readFile(path)).length - 70_000)
  const cut = await verifyImage(path)
  assert.deepEqual([cut.whole, cut.digest.state], [false, 'fits'])
})

test('a digest of another image, or a damaged one, is reported and is not damage', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const path = await place(dir, 'raw')
  const bytes = await readFile(`${path}.digest`)
  bytes.writeUInt8(bytes.readUInt8(70) ^ 1, 70)
  await writeFile(`${path}.digest`, bytes)
  const damaged = await verifyImage(path)
  assert.deepEqual(
    [damaged.whole, damaged.digest.state, damaged.checksums],
    [true, 'damaged', 'none'],
  )
  const other = dir.join('other')
  await convertImage(placeFixture(fixture, dir), other, { stateDir, format: 'zstd', digest: true })
  await copyFile(`${other}.digest`, `${path}.digest`)
  const foreign = await verifyImage(path)
  assert.deepEqual([foreign.whole, foreign.digest.state], [true, 'foreign'])
  const shown = await stasis(stateDir, 'image-verify', path)
  assert.equal(shown.exitCode, 0)
  assert.match(shown.stdout, /belongs to another image/)
  assert.match(shown.stdout, /no checksums/)
  const again = await stasis(stateDir, 'image-verify', '--write-digest', path)
  assert.equal(again.exitCode, 0, again.stderr)
  assert.equal((await verifyImage(path)).digest.state, 'fits')
})

test('image-verify --write-digest gives an image of libvirt a digest, and refuses formats with checksums', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const path = placeFixture(fixture, dir)
  await verifyImage(path, { writeDigest: true })
  assert.equal((await verifyImage(path)).checksums, 'digest')
  await damage(path, await pageOffset(path))
  assert.equal((await verifyImage(path)).whole, false)
  const own = dir.join('own')
  await convertImage(placeFixture(fixture, dir), own, { stateDir })
  await assert.rejects(verifyImage(own, { writeDigest: true }), { code: 'BAD_COMBINATION' })
  await assert.rejects(convertImage(own, dir.join('x'), { stateDir, digest: true }), {
    code: 'BAD_COMBINATION',
  })
})

test('a digest that cannot be written is a warning; a file of another kind is not replaced', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const source = dir.join('source')
  await convertImage(placeFixture(fixture, dir), source, { stateDir })
  const { id } = await readDescription(source)
  await mkdir(dir.join(`.image.digest.${id}.partial`))
  const options = { stateDir, format: 'raw', digest: true } as const
  const { warnings } = await convertImage(source, dir.join('image'), options)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /has no digest/)
  assert.equal((await verifyImage(dir.join('image'))).whole, true)
  await writeFile(dir.join('b.digest'), 'mine')
  await assert.rejects(convertImage(source, dir.join('b'), options), { code: 'FILE_EXISTS' })
  assert.equal(await readFile(dir.join('b.digest'), 'utf8'), 'mine')
  assert.equal(existsSync(dir.join('b')), false)
  await convertImage(source, dir.join('c'), options)
  await assert.rejects(convertImage(source, dir.join('c.digest'), { stateDir }), {
    code: 'BAD_ARGUMENT',
  })
  // The digest of an image that is replaced goes with it.
  await convertImage(source, dir.join('c'), { stateDir })
  assert.equal(existsSync(dir.join('c.digest')), false)
})

test('a reader finds a digest that a crash left under its temporary name; the next image removes it', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const path = await place(dir, 'raw')
  const { id } = await readDescription(path)
  const temporary = dir.join(`.image.digest.${id}.partial`)
  await copyFile(`${path}.digest`, temporary)
  await writeFile(`${path}.digest`, 'STASISDG of an older image')
  assert.equal((await verifyImage(path)).digest.state, 'fits')
  await convertImage(placeFixture(fixture, dir), path, { stateDir, format: 'zstd' })
  assert.deepEqual(
    (await readdir(dir.path)).filter((name) => name.includes('digest')),
    [],
  )
})

for (const { label, emulator: program, major } of [...oldestQemu(), ...newestQemu()]) {
  test(
    `save, managedsave and start on QEMU ${label} take the digest along`,
    { timeout: 180_000 },
    async () => {
      await using domain = await startTinyDomain({ emulator: program })
      const { name, stateDir, log, dir } = domain
      await log.advance(2)
      const formats = major < 9 ? (['raw', 'zstd'] as const) : (['raw', 'sparse'] as const)
      for (const format of formats) {
        const path = dir.join(`image-${format}`)
        await saveDomain(name, path, { stateDir, format, digest: true })
        const { whole, checksums } = await verifyImage(path)
        assert.deepEqual([whole, checksums], [true, 'digest'])
        await using image = await openImage(path)
        assert.equal(image.digest?.state, 'fits')
        await restoreDomain(path, { stateDir, mode: 'load' })
        await log.advance(2)
      }
      const { image } = await managedSaveDomain(name, { stateDir, format: 'raw', digest: true })
      assert.ok(existsSync(`${image.path}.digest`))
      await startDomain(name, { stateDir })
      assert.equal(existsSync(image.path), false)
      assert.equal(existsSync(`${image.path}.digest`), false)
      await managedSaveDomain(name, { stateDir, format: 'raw', digest: true })
      await removeManagedSave(name, { stateDir })
      assert.equal(existsSync(`${image.path}.digest`), false)
      await destroyDomain(name, { stateDir }).catch(() => undefined)
    },
  )
}
