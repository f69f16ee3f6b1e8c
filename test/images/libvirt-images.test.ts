import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { readDescription } from '../../src/image/open-image.ts'
import { openImageFile } from '../../src/image/opened-image.ts'
import { assertGoesOn } from '../support/fixture-guest.ts'
import { FIXTURES, type Fixture, placeFixture, qemusFor } from '../support/fixtures.ts'
import { isLongRun } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

describe('images that real libvirt wrote', () => {
  for (const fixture of FIXTURES) {
    for (const { label, emulator } of qemusFor(fixture)) {
      test(`${fixture.name} continues in QEMU ${label}`, { timeout: 60_000 }, async () => {
        await using dir = await tempDir()
        await assertGoesOn(fixture, placeFixture(fixture, dir), emulator)
      })
    }
  }

  test('there is a QEMU for each', () => {
    for (const fixture of FIXTURES) assert.notEqual(qemusFor(fixture).length, 0, fixture.name)
  })

  test('their bodies begin at unaligned offsets', async () => {
    await using dir = await tempDir()
    const unaligned = await Promise.all(
      FIXTURES.map(async (fixture) => {
        const { file, bodyOffset } = await openImageFile(placeFixture(fixture, dir), {
          direct: false,
        })
        await file.close()
        return bodyOffset % 512 !== 0
      }),
    )
    assert.ok(unaligned.every(Boolean), 'a body begins anywhere')
  })
})

/** Writes the integers of a header in the other byte order, as a host with that order does. */
function bigEndian(image: Buffer): Buffer {
  image.subarray(16, 36).swap32()
  return image
}

/** Without the cookie, libvirt uses the processor of the XML. */
function withoutCookie(image: Buffer): Buffer {
  const end = 92 + image.readUInt32LE(20)
  image.fill(0, 92 + image.readUInt32LE(32), end)
  image.writeUInt32LE(0, 32)
  return image
}

/** Its body at an odd offset, the length of its description an odd number. */
function oddlyPlaced(image: Buffer): Buffer {
  const length = image.readUInt32LE(20)
  const odd = length % 2 === 1 ? length + 2 : length + 1
  image.writeUInt32LE(odd, 20)
  const end = 92 + length
  return Buffer.concat([image.subarray(0, end), Buffer.alloc(odd - length), image.subarray(end)])
}

function paused(image: Buffer): Buffer {
  image.writeUInt32LE(0, 24)
  return image
}

const VARIANTS: readonly {
  readonly what: string
  readonly names: readonly string[]
  readonly change: (image: Buffer) => Buffer
}[] = [
  {
    what: 'a big-endian header',
    names: ['lv9.0-q35-gzip', 'lv11.3-q35-sparse'],
    change: bigEndian,
  },
  { what: 'no cookie', names: ['lv9.0-q35-raw', 'lv11.3-q35-sparse'], change: withoutCookie },
  {
    what: 'a body at an odd offset',
    names: ['lv9.0-q35-raw', 'lv11.3-q35-zstd'],
    change: oddlyPlaced,
  },
  { what: 'a guest that was paused', names: ['lv11.3-q35-sparse'], change: paused },
]

describe('restoreDomain() accepts an image that has', () => {
  for (const { what, names, change } of VARIANTS) {
    const those = FIXTURES.filter(({ name }) => names.includes(name))
    for (const fixture of isLongRun() ? those : those.slice(0, 1)) {
      test(`${what} (${fixture.name})`, { timeout: 60_000 }, async () => {
        await using dir = await tempDir()
        const path = placeFixture(fixture, dir)
        const before = await readDescription(path)
        await writeFile(path, change(await readFile(path)))
        const after = await readDescription(path)
        assert.equal(after.xml, before.xml)
        assert.equal(after.cookie === undefined, change === withoutCookie)
        const { emulator = '' } = qemusFor(fixture).at(-1) ?? {}
        const wasPaused: Fixture = { ...fixture, paused: change === paused || fixture.paused }
        await assertGoesOn(wasPaused, path, emulator)
      })
    }
  }
})
