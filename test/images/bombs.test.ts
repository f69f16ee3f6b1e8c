import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { open, readFile, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { inspectImage } from '../../src/domain/images/image-info.ts'
import { listDomains, restoreDomain } from '../../src/index.ts'
import type { Packing } from '../../src/image/save-format.ts'
import { FIXTURES, type Fixture, fixtureXml, placeFixture, qemusFor } from '../support/fixtures.ts'
import { isLongRun } from '../support/qemus.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const fixture = FIXTURES.find(({ name }) => name === 'lv9.0-q35-raw') as Fixture
const emulator = qemusFor(fixture)[0]?.emulator ?? ''

const MIB = 1024 * 1024
const MEMBER = 16 * MIB

/** The expanded length: minutes to hours for each packing. */
const BOMB = 64 * 1024 * MIB

const NUMBERS: Readonly<Record<Packing, number>> = { gzip: 1, bzip2: 2, xz: 3, lzop: 4, zstd: 5 }

function pack(packing: Packing, bytes: Buffer): Buffer {
  if (packing === 'gzip') return gzipSync(bytes)
  if (packing === 'zstd') return zstdCompressSync(bytes)
  return spawnSync(packing, ['-c'], { input: bytes, maxBuffer: MEMBER * 2 }).stdout
}

/** An image of a few megabytes that expands without end: `head`, then zeros. The tools read consecutive members as one stream. */
async function makeBomb(dir: TempDir, packing: Packing, head: Buffer): Promise<string> {
  const whole = await readFile(placeFixture(fixture, dir))
  const path = dir.join('bomb')
  const description = whole.subarray(0, 92 + whole.readUInt32LE(20))
  description.writeUInt32LE(NUMBERS[packing], 28)
  await writeFile(path, description)
  await using file = await open(path, 'a')
  if (head.length > 0) await file.write(pack(packing, head))
  const member = pack(packing, Buffer.alloc(MEMBER))
  // lzop ignores what follows its first stream, so its bomb is one.
  const count = packing === 'lzop' ? 1 : BOMB / MEMBER
  for (let at = 0; at < count; at += 256)
    await file.write(Buffer.concat(Array.from({ length: Math.min(256, count - at) }, () => member)))
  return path
}

/** QEMU's stream up to its RAM blocks, and a page of it. */
async function streamHead(dir: TempDir): Promise<Buffer> {
  const whole = await readFile(placeFixture(fixture, dir))
  return whole.subarray(92 + whole.readUInt32LE(20)).subarray(0, 256 * 1024)
}

const uses = (dir: TempDir): Readonly<Record<string, (path: string) => Promise<unknown>>> => ({
  restore: (path) => {
    const text = fixtureXml(fixture, dir, emulator, dir.join('serial'))
    return restoreDomain(path, { stateDir: dir.join('state'), xml: { text } })
  },
  convert: (path) =>
    convertImage(path, dir.join('out'), { stateDir: dir.join('state'), format: 'raw' }),
  'convert to pages': (path) =>
    convertImage(path, dir.join('out'), { stateDir: dir.join('state'), format: 'stasis' }),
  verify: (path) => inspectImage(path, { verify: true }),
})

describe('data that expand without end are refused in time, and leave nothing', () => {
  for (const packing of ['gzip', 'bzip2', 'xz', 'lzop', 'zstd'] as const) {
    test(`zeros, ${packing}`, { timeout: 60_000 }, async () => {
      await using dir = await tempDir()
      const path = await makeBomb(dir, packing, Buffer.alloc(0))
      for (const [what, use] of Object.entries(uses(dir))) {
        const startMs = performance.now()
        await assert.rejects(use(path), { code: 'IMAGE_CORRUPT', path }, what)
        assert.ok(performance.now() - startMs < 5000, `${what}: ${performance.now() - startMs} ms`)
      }
      assert.deepEqual(await listDomains({ stateDir: dir.join('state') }), [])
      await assert.rejects(open(dir.join('out')), { code: 'ENOENT' })
    })
  }

  for (const packing of isLongRun() ? (['gzip', 'zstd'] as const) : (['zstd'] as const)) {
    test(`a stream that begins as QEMU's, ${packing}`, { timeout: 120_000 }, async () => {
      await using dir = await tempDir()
      const path = await makeBomb(dir, packing, await streamHead(dir))
      for (const [what, use] of Object.entries(uses(dir))) {
        const startMs = performance.now()
        await assert.rejects(
          use(path),
          ({ code }: { readonly code: string }) =>
            /^(IMAGE_CORRUPT|IMAGE_UNSUPPORTED|MIGRATION_FAILED)$/.test(code),
          what,
        )
        assert.ok(
          performance.now() - startMs < 20_000,
          `${what}: ${performance.now() - startMs} ms`,
        )
      }
      assert.deepEqual(await listDomains({ stateDir: dir.join('state') }), [])
      await assert.rejects(open(dir.join('out')), { code: 'ENOENT' })
    })
  }
})
