import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  type LiveSaveOptions,
  destroyDomain,
  listDomains,
  restoreDomain,
  saveDomain,
  saveLive,
  suspendDomain,
} from '../../src/index.ts'
import { verifyImage } from '../../src/domain/images/verify-image.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { imageMemory, momentOf } from '../support/image-memory.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { machineDigest } from '../support/machine-digest.ts'
import { isLongRun, newestQemu, qemus, withQemu11 } from '../support/qemus.ts'
import { mountReflinkDisk } from '../support/reflink-disk.ts'
import { startTinyDomain, type TinyDomain } from '../support/tiny-domain.ts'

const FORMATS: readonly LiveSaveOptions[] = [
  { format: 'stasis' },
  { format: 'stasis', compression: 'none' },
  { format: 'raw' },
  { format: 'sparse' },
  { format: 'channels' },
]

/** Of the 14 MiB that the guest has above its code. */
const PAGES = 2048

const DYING = fileURLToPath(new URL('../support/die-while-stopped.ts', import.meta.url))

/** QEMU before 8.1 takes no offset into a file, and does not tell where its memory is. */
const all = withQemu11(qemus())
const capable = all.filter(({ major }) => major >= 9)

/** Saves the tiny guest and restores it by map. */
async function restoreByMap({ name, stateDir, dir, log }: TinyDomain): Promise<string> {
  const image = dir.join('mapped')
  await log.advance(2)
  await saveDomain(name, image, { stateDir, compression: 'none' })
  const { mode } = await restoreDomain(image, { stateDir, mode: 'map' })
  assert.equal(mode, 'map')
  await log.advance(2)
  return image
}

for (const { label, emulator, missing, skipMost } of capable) {
  describe(
    `save --live of a guest restored by map, QEMU ${label}`,
    { skip: missing ?? false },
    () => {
      test(
        'the image is the guest of its moment, also when the mapped file has no name any more',
        { skip: skipMost },
        async () => {
          await using tiny = await startTinyDomain({ emulator })
          const { stateDir, dir, log } = tiny
          const image = await restoreByMap(tiny)
          await rm(image)
          const formats = isLongRun() ? FORMATS : FORMATS.slice(1, 2)
          for (const [at, options] of formats.entries()) {
            const saved = await saveLive('tiny', dir.join(`live${at}`), { stateDir, ...options })
            assert.equal(saved.live.way, 'mapped')
            assert.equal(saved.wasRunning, true)
            assert.ok(saved.live.pauseMs > 0, 'QEMU reported a stop')
            assert.equal((await listDomains({ stateDir }))[0]?.state, 'running')
            await log.advance(2)
          }
          await log.assertUnbroken()
          const counted = await log.counters()
          await destroyDomain('tiny', { stateDir })
          let least = counted[0] ?? 0
          for (const at of formats.keys()) {
            await writeFile(dir.join('serial'), '')
            await restoreDomain(dir.join(`live${at}`), { stateDir })
            await log.advance(2)
            await log.assertUnbroken()
            const [first = 0] = await log.counters()
            assert.ok(first > least && first <= (counted.at(-1) ?? 0), `${first} of ${at}`)
            least = first
            await destroyDomain('tiny', { stateDir })
          }
          assert.deepEqual(
            (await readdir(dir.path)).filter((name) => name.includes('partial')),
            [],
          )
          assert.equal(existsSync(dir.join('state/run/tiny/transfer/devices')), false)
        },
      )

      test(
        'of a guest that writes all the time, the image is one moment',
        { skip: skipMost },
        async () => {
          await using tiny = await startTinyDomain({ emulator, writes: { pages: PAGES, rate: 0 } })
          const { stateDir, dir, log } = tiny
          await restoreByMap(tiny)
          let passes = 0
          for (let round = 0; round < (isLongRun() ? 20 : 2); round += 1) {
            const { live } = await saveLive('tiny', dir.join('live'), { stateDir })
            assert.equal(live.way, 'mapped')
            const { pass } = momentOf(await imageMemory(dir.join('live')), PAGES)
            assert.ok(pass > passes, `pass ${pass} after ${passes}`)
            passes = pass
            await log.advance(2)
          }
          await log.assertUnbroken()
        },
      )

      test(
        'the memory of the image is that of a save that stops the guest',
        { skip: !isLongRun() && 'long run only' },
        async () => {
          await using tiny = await startTinyDomain({ emulator })
          const { stateDir, dir } = tiny
          await restoreByMap(tiny)
          await suspendDomain('tiny', { stateDir })
          const { live, wasRunning } = await saveLive('tiny', dir.join('live'), { stateDir })
          assert.deepEqual([live.way, live.pauseMs, wasRunning], ['mapped', 0, false])
          await saveDomain('tiny', dir.join('stopped'), { stateDir })
          const [one, other] = await Promise.all(
            ['live', 'stopped'].map((name) => machineDigest(dir.join(name))),
          )
          assert.ok(one !== undefined && one.pageCount > 700)
          assert.equal(one.pages, other?.pages)
          assert.deepEqual(one.blocks, other?.blocks)
        },
      )

      test(
        'a guest whose save is killed while it is stopped continues by itself',
        { skip: skipMost },
        async () => {
          await using tiny = await startTinyDomain({ emulator })
          const { stateDir, dir, log } = tiny
          await restoreByMap(tiny)
          for (let round = 0; round < (isLongRun() ? 10 : 1); round += 1) {
            const died = spawnSync(process.execPath, [DYING, stateDir, dir.join('live')])
            assert.equal(died.signal, 'SIGKILL', died.stderr.toString())
            await log.advance(3)
          }
          assert.equal(existsSync(dir.join('live')), false)
          const { live } = await saveLive('tiny', dir.join('live'), { stateDir })
          assert.equal(live.way, 'mapped')
          await log.advance(2)
          await log.assertUnbroken()
        },
      )
    },
  )
}

for (const { label, emulator, missing } of isLongRun() ? capable : []) {
  test(
    `a Linux guest that writes all the time is saved by copying what it has changed, QEMU ${label}`,
    { skip: missing ?? false, timeout: 300_000 },
    async () => {
      const mib = 48
      await using domain = await startLinuxDomain({
        emulator,
        memoryMib: 192,
        changeXml: (xml) => xml,
      })
      const { name, stateDir, dir } = domain
      {
        await using console = await domain.console()
        await console.ask(`fill ${mib}`, /^FILLED (\w+)/)
      }
      await saveDomain(name, dir.join('image'), { stateDir, compression: 'none' })
      await restoreDomain(dir.join('image'), { stateDir, mode: 'map' })
      {
        await using console = await domain.console()
        await console.ask(`write ${mib / 2}`, /^WRITING/)
      }
      for (const live of ['one', 'two']) {
        const saved = await saveLive(name, dir.join(live), { stateDir })
        assert.equal(saved.live.way, 'mapped')
      }
      await rename(dir.join('image'), dir.join('elsewhere'))
      for (const live of ['one', 'two']) {
        await destroyDomain(name, { stateDir })
        await restoreDomain(dir.join(live), { stateDir, force: true })
        await using console = await domain.console()
        assert.match((await console.ask('quiet', /^QUIET .*/))[0], /ok$/)
        const [, sum] = await console.ask('sum', /^SUM (\w+)/)
        assert.equal(sum, computeFillSum(mib))
      }
    },
  )
}

for (const { label, emulator } of isLongRun() ? newestQemu().slice(-1) : []) {
  test(
    `an uncompressed image shares the blocks of the pages that the guest has not changed, QEMU ${label}`,
    { timeout: 180_000 },
    async (context) => {
      const mounted = await mountReflinkDisk(2048 * 2 ** 20)
      if (typeof mounted === 'string') return context.skip(mounted)
      await using disk = mounted
      await using domain = await startLinuxDomain({
        emulator,
        memoryMib: 192,
        changeXml: (xml) => xml,
      })
      const { name, stateDir } = domain
      {
        await using console = await domain.console()
        await console.ask('fill 64', /^FILLED/)
      }
      const [image, live] = ['image', 'live'].map((one) => join(disk.path, one)) as [string, string]
      await saveDomain(name, image, { stateDir, compression: 'none' })
      await restoreDomain(image, { stateDir, mode: 'map' })
      const before = await freeBytes(disk.path)
      const saved = await saveLive(name, live, { stateDir, compression: 'none' })
      assert.equal(saved.live.way, 'mapped')
      const taken = before - (await freeBytes(disk.path))
      assert.ok(taken < 40 * 2 ** 20, `${taken} bytes for ${saved.image.allocatedBytes}`)
      const { whole } = await verifyImage(live)
      assert.equal(whole, true)
      await destroyDomain(name, { stateDir })
      await rm(image)
      await restoreDomain(live, { stateDir, force: true, mode: 'load' })
      await using console = await domain.console()
      const [, sum] = await console.ask('sum', /^SUM (\w+)/)
      assert.equal(sum, computeFillSum(64))
    },
  )
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}
