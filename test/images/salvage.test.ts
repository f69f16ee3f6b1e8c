import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { inspectImage } from '../../src/domain/images/image-info.ts'
import { salvageImage } from '../../src/domain/images/salvage-image.ts'
import { verifyImage } from '../../src/domain/images/verify-image.ts'
import type { SaveFormat } from '../../src/image/save-format.ts'
import { openImage, readDescription } from '../../src/image/open-image.ts'
import {
  destroyDomain,
  domainInfo,
  restoreDomain,
  resumeDomain,
  saveDomain,
} from '../../src/index.ts'
import { MULTIFD_INIT_LENGTH, MULTIFD_PACKET_LENGTH } from '../../src/wire/multifd-packet.ts'
import { PAGE_SIZE } from '../../src/wire/page-size.ts'
import { FIXTURES, type Fixture, placeFixture } from '../support/fixtures.ts'
import { computeFillSum, fillPages } from '../support/guest-memory.ts'
import { damage, findParts } from '../support/image-damage.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { oldestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const FILLED_MIB = 16
const ZERO_PAGE = Buffer.alloc(PAGE_SIZE)

const fixture = FIXTURES.find(({ name }) => name === 'lv9.0-q35-raw') as Fixture

async function place(dir: TempDir, format: SaveFormat): Promise<string> {
  const path = dir.join('image')
  await convertImage(placeFixture(fixture, dir), path, { stateDir: dir.join('state'), format })
  return path
}

/** All pages of an image that are not zero, by block and number. */
async function contentOf(path: string): Promise<Map<string, string>> {
  await using image = await openImage(path)
  const { pages } = image
  assert.ok(pages !== undefined)
  const content = new Map<string, string>()
  for (let frame = 0; frame < pages.frameCount; frame += 1) {
    const { block, firstPage, pageCount } = pages.range(frame)
    const bytes = Buffer.from(await pages.read(frame, 0))
    for (let page = 0; page < pageCount; page += 1) {
      const one = bytes.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
      if (!one.equals(ZERO_PAGE))
        content.set(`${pages.blocks[block]?.name}:${firstPage + page}`, hashOf(one))
    }
  }
  return content
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex')
}

test('salvageImage() keeps every page but the damaged ones, and marks the new image', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const path = await place(dir, 'stasis')
  const before = await contentOf(path)
  const { frames } = await findParts(path)
  await using image = await openImage(path)
  const lost = new Set<string>()
  for (const [frame, { offset, block }] of frames.entries()) {
    if (frame % 3 !== 0) continue
    await damage(path, offset + 8)
    const { firstPage, pageCount } = image.pages?.range(frame) ?? { firstPage: 0, pageCount: 0 }
    for (let page = 0; page < pageCount; page += 1) lost.add(`${block}:${firstPage + page}`)
  }
  const damaged = await readFile(path)
  const output = dir.join('new')

  const listed = await salvageImage(path, output, { stateDir })
  assert.equal(listed.to, undefined)
  assert.equal(listed.zeroedPages, lost.size)
  assert.equal(existsSync(output), false)

  const salvaged = await salvageImage(path, output, { stateDir, acceptDamage: true })
  assert.equal(salvaged.zeroedPages, lost.size)
  assert.ok(damaged.equals(await readFile(path)), 'the damaged image is as it was')
  const expected = new Map([...before].filter(([page]) => !lost.has(page)))
  assert.deepEqual(await contentOf(output), expected)
  const info = await inspectImage(output)
  assert.equal(info.salvaged?.zeroedPages, lost.size)
  assert.equal(info.salvaged.from, path)
  assert.equal(info.wasRunning, false)
  assert.equal((await verifyImage(output)).whole, true)
  assert.notEqual((await readDescription(output)).id, image.description.id)
})

test('salvageImage() does nothing to a whole image, and refuses one without its device state', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const path = await place(dir, 'stasis')
  const output = dir.join('new')
  const options = { stateDir, acceptDamage: true }
  const { from, to } = await salvageImage(path, output, options)
  assert.deepEqual([from.whole, to], [true, undefined])
  await damage(path, (await findParts(path)).device + 50)
  await assert.rejects(salvageImage(path, output, options), {
    code: 'IMAGE_DAMAGED',
    message: /cannot be salvaged/,
  })
  await assert.rejects(salvageImage(path, path, options), { code: 'BAD_ARGUMENT' })
  assert.equal(existsSync(output), false)
})

/** Where the first page of a channel file is. Damage before byte 4096 makes it a file of another image. */
async function firstPageOf(path: string): Promise<number> {
  const bytes = await readFile(path)
  let at = MULTIFD_INIT_LENGTH
  while (bytes.readUInt32BE(at + 16) === 0) at += MULTIFD_PACKET_LENGTH
  return at + MULTIFD_PACKET_LENGTH
}

test('salvageImage() zeroes the pages of a missing channel file, and keeps those that are only suspect', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const whole = dir.join('whole')
  await convertImage(placeFixture(fixture, dir), whole, { stateDir, format: 'stasis' })
  const before = await contentOf(whole)
  const path = await place(dir, 'channels')
  await rm(`${path}.1`)
  await damage(`${path}.2`, (await firstPageOf(`${path}.2`)) + 3000)
  const output = dir.join('new')
  const { zeroedPages, suspectPages } = await salvageImage(path, output, {
    stateDir,
    acceptDamage: true,
  })
  assert.ok(zeroedPages > 0 && suspectPages > 0)
  const after = await contentOf(output)
  const different = [...after].filter(([page, hash]) => before.get(page) !== hash)
  assert.equal(different.length, 1, 'the one page with a changed byte')
  assert.ok(after.size < before.size && after.size <= suspectPages)
})

test('image-salvage lists and exits with 8, and with --accept-damage writes the image', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const path = await place(dir, 'stasis')
  const output = dir.join('new')
  await damage(path, (await findParts(path)).frames[0]?.offset ?? 0)
  const refused = await stasis(stateDir, 'image-salvage', path, '--output', output)
  assert.equal(refused.exitCode, 8)
  assert.match(refused.stderr, /guest-physical 0x/)
  assert.match(refused.stderr, /--accept-damage/)
  assert.equal(existsSync(output), false)
  const done = await stasis(stateDir, 'image-salvage', path, '--output', output, '--accept-damage')
  assert.equal(done.exitCode, 0, done.stderr)
  assert.match((await stasis(stateDir, 'image-info', output)).stdout, /Salvaged/)
})

for (const { label, emulator } of oldestQemu()) {
  describe(`a salvaged image on QEMU ${label}`, () => {
    test(
      'starts paused, and the guest finds exactly the damage that was listed',
      { timeout: 240_000 },
      async () => {
        await using domain = await startLinuxDomain({ emulator, memoryMib: 128 })
        const { name, stateDir, dir } = domain
        const path = dir.join('image')
        {
          await using console = await domain.console()
          const [, sum] = await console.ask(`fill ${FILLED_MIB}`, /^FILLED (\w+)/)
          assert.equal(sum, computeFillSum(FILLED_MIB))
        }
        await saveDomain(name, path, { stateDir })
        const { frames, zeroed } = await framesOfFill(path)
        assert.ok(frames.length >= 2, 'some frames have nothing but pages of the fill')
        const parts = await findParts(path)
        for (const frame of frames) await damage(path, (parts.frames[frame]?.offset ?? 0) + 9)
        const refused = await restoreDomain(path, { stateDir, mode: 'load', force: true }).then(
          () => 'restored',
          (error: { code?: string }) => error.code,
        )
        assert.equal(refused, 'IMAGE_CORRUPT')
        const output = dir.join('salvaged')
        const { to } = await salvageImage(path, output, { stateDir, acceptDamage: true })
        assert.equal(to?.path, output)
        for (const mode of ['load', 'lazy'] as const) {
          const warnings: string[] = []
          const onWarning = (text: string): void => void warnings.push(text)
          const force = mode === 'lazy'
          const restored = await restoreDomain(output, { stateDir, mode, onWarning, force })
          assert.equal(restored.state, 'paused')
          assert.ok(
            warnings.some((text) => /was salvaged at/.test(text)),
            warnings.join(),
          )
          assert.equal((await domainInfo(name, { stateDir })).state, 'paused')
          await resumeDomain(name, { stateDir })
          await using console = await domain.console()
          const [, sum] = await console.ask('sum', /^SUM (\w+)/)
          assert.equal(sum, computeFillSum(FILLED_MIB, 1, zeroed))
          await destroyDomain(name, { stateDir })
        }
      },
    )
  })
}

/** Frames that hold nothing but pages of the guest's fill, a few of them, and the numbers of their pages in the fill. */
async function framesOfFill(
  path: string,
): Promise<{ readonly frames: readonly number[]; readonly zeroed: ReadonlySet<number> }> {
  const numbers = new Map<string, number>()
  let number = 0
  for (const words of fillPages(FILLED_MIB)) {
    numbers.set(hashOf(new Uint8Array(words.buffer)), number)
    number += 1
  }
  const zeroHash = hashOf(ZERO_PAGE)
  await using image = await openImage(path)
  const { pages } = image
  const frames: number[] = []
  const zeroed = new Set<number>()
  for (let frame = 0; frame < (pages?.frameCount ?? 0) && frames.length < 6; frame += 1) {
    const bytes = Buffer.from((await pages?.read(frame, 0)) ?? [])
    const hashes = Array.from({ length: bytes.length / PAGE_SIZE }, (_, page) =>
      hashOf(bytes.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)),
    ).filter((hash) => hash !== zeroHash)
    if (hashes.length === 0 || !hashes.every((hash) => numbers.has(hash))) continue
    frames.push(frame)
    for (const hash of hashes) zeroed.add(numbers.get(hash) ?? -1)
  }
  return { frames, zeroed }
}
