import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { listDomains } from '../../src/domain/status/list.ts'
import { restoreDomain } from '../../src/domain/restore/restore.ts'
import type { SaveFormat } from '../../src/image/save-format.ts'
import { FIXTURES, type Fixture, fixtureXml, placeFixture, qemusFor } from '../support/fixtures.ts'
import { tempDir } from '../support/temp-dir.ts'

const fixture = FIXTURES.find(({ name }) => name === 'lv9.0-q35-raw') as Fixture
const emulator = qemusFor(fixture)[0]?.emulator ?? ''

/** A way to damage an image, and the error codes that may report it. */
const DAMAGES: readonly {
  readonly what: string
  readonly formats: readonly SaveFormat[]
  readonly damage: (image: Buffer) => Buffer
  readonly codes: readonly string[]
}[] = [
  {
    what: 'cut in the middle',
    formats: ['raw', 'gzip', 'bzip2', 'xz', 'lzop', 'zstd', 'sparse', 'channels', 'stasis'],
    damage: (image) => image.subarray(0, image.length / 2),
    codes: ['IMAGE_TRUNCATED', 'IMAGE_CORRUPT'],
  },
  {
    what: 'cut by 200 bytes',
    formats: ['raw', 'gzip', 'bzip2', 'xz', 'lzop', 'zstd', 'sparse'],
    damage: (image) => image.subarray(0, -200),
    codes: ['IMAGE_TRUNCATED', 'IMAGE_CORRUPT'],
  },
  {
    what: 'flipped in the middle of the compressed data',
    formats: ['gzip', 'bzip2', 'xz', 'lzop', 'zstd'],
    damage: (image) => flipped(image, bodyOf(image) + (image.length - bodyOf(image)) / 2),
    codes: ['IMAGE_CORRUPT', 'IMAGE_TRUNCATED'],
  },
  {
    what: 'cut in the domain XML',
    formats: ['raw', 'sparse'],
    damage: (image) => image.subarray(0, 500),
    codes: ['IMAGE_TRUNCATED'],
  },
  {
    what: 'cut in the cookie',
    formats: ['raw', 'zstd', 'stasis'],
    damage: (image) => image.subarray(0, 92 + image.readUInt32LE(32) + 20),
    codes: ['IMAGE_TRUNCATED'],
  },
  {
    what: 'left without the end of its cookie',
    formats: ['gzip'],
    damage: (image) => image.fill(0x20, 92 + image.readUInt32LE(32) + 20, bodyOf(image)),
    codes: ['IMAGE_CORRUPT'],
  },
  {
    what: 'given the magic of an incomplete one',
    formats: ['sparse'],
    damage: (image) => {
      image.write('LibvirtQemudPart', 'latin1')
      return image
    },
    codes: ['IMAGE_INCOMPLETE'],
  },
  {
    what: 'given a version that nobody knows, in either byte order',
    formats: ['raw'],
    damage: (image) => edited(image, 16, 0x0303_0303),
    codes: ['IMAGE_TOO_NEW'],
  },
  {
    what: 'given a format number that nobody knows',
    formats: ['raw'],
    damage: (image) => edited(image, 28, 77),
    codes: ['IMAGE_UNSUPPORTED'],
  },
  {
    what: 'given a cookie outside its description',
    formats: ['gzip'],
    damage: (image) => edited(image, 32, 0xffff_fff0),
    codes: ['IMAGE_CORRUPT'],
  },
  {
    what: 'given a description longer than the file',
    formats: ['zstd', 'sparse'],
    damage: (image) => edited(image, 20, 63 * 1024 * 1024),
    codes: ['IMAGE_TRUNCATED'],
  },
  {
    what: 'given a cookie that begins inside its XML',
    formats: ['raw'],
    damage: (image) => edited(image, 32, 40),
    codes: ['IMAGE_CORRUPT'],
  },
  {
    what: 'given a description of nearly 4 GiB',
    formats: ['gzip'],
    damage: (image) => edited(image, 20, 0xffff_ffff),
    codes: ['IMAGE_CORRUPT'],
  },
  {
    what: 'given an impossible description length',
    formats: ['raw'],
    damage: (image) => edited(image, 20, 0),
    codes: ['IMAGE_CORRUPT'],
  },
]

describe('restoreDomain() fails with a specific error, and leaves nothing, when an image is', () => {
  for (const { what, formats, damage, codes } of DAMAGES) {
    for (const format of formats) {
      test(`${what} (${format})`, { timeout: 60_000 }, async () => {
        await using dir = await tempDir()
        const stateDir = dir.join('state')
        const path = dir.join('image')
        await convertImage(placeFixture(fixture, dir), path, { stateDir, format })
        await writeFile(path, damage(await readFile(path)))
        const damaged = await readFile(path)
        const xml = { text: fixtureXml(fixture, dir, emulator, dir.join('serial')) }
        await assert.rejects(
          restoreDomain(path, { stateDir, xml }),
          (error: Error & { code?: string; hint?: string; path?: string }) => {
            assert.ok(codes.includes(error.code ?? ''), `${error.code}: ${error.message}`)
            assert.match(error.message, /image/)
            assert.equal(error.path?.startsWith(path), true, error.message)
            assert.notEqual(error.hint ?? '', '', error.message)
            return true
          },
        )
        assert.ok(damaged.equals(await readFile(path)), 'the image is as it was')
        assert.deepEqual(await listDomains({ stateDir }), [])
      })
    }
  }
})

test('restoreDomain() names a machine type that no QEMU here has, and a foreign architecture', async () => {
  await using dir = await tempDir()
  const path = placeFixture(fixture, dir)
  const whole = await readFile(path)
  const options = { stateDir: dir.join('state') }
  const refused = async (from: string, to: string, code: string): Promise<void> => {
    assert.equal(to.length, from.length)
    const image = Buffer.from(whole)
    image.write(to, image.indexOf(from))
    await writeFile(path, image)
    await assert.rejects(
      restoreDomain(path, options),
      (error: Error & { code?: string; hint?: string }) => {
        assert.equal(error.code, code, error.message)
        assert.ok(error.message.includes(/[\w.-]+(?='?$)/.exec(to)?.[0] ?? to), error.message)
        assert.notEqual(error.hint ?? '', '')
        return true
      },
    )
    assert.ok(image.equals(await readFile(path)))
  }
  await refused("machine='pc-q35-7.2'", "machine='pc-q35-9.9'", 'QEMU_LACKS_FEATURE')
  await refused("arch='x86_64'", "arch='ppc64l'", 'IMAGE_INCOMPATIBLE')
})

function bodyOf(image: Buffer): number {
  return 92 + image.readUInt32LE(20)
}

function flipped(image: Buffer, at: number): Buffer {
  const whole = Math.floor(at)
  image[whole] = (image[whole] ?? 0) ^ 0x10
  return image
}

function edited(image: Buffer, at: number, word: number): Buffer {
  image.writeUInt32LE(word, at)
  return image
}
