import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  destroyDomain,
  restoreDomain,
  resumeDomain,
  saveLive,
  suspendDomain,
} from '../../src/index.ts'
import { verifyImage } from '../../src/domain/images/verify-image.ts'
import { isLongRun, oldestQemu, qemus, withQemu11 } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const DYING = join(import.meta.dirname, '../support/die-before-cont.ts')

/** A machine that every QEMU here has. */
const MACHINE = 'pc-q35-7.2'

/** A guest that writes little, and one that writes faster than QEMU sends. */
const GUESTS = [
  { what: 'writes little', rate: 40, isForced: false },
  { what: 'writes as fast as it can', rate: 0, isForced: true },
] as const

const others = withQemu11(qemus()).filter(({ missing }) => missing === undefined)

/** Earlier ones miss writes of a guest without KVM: notes/qemu/dirty-pages.md. */
const exact = withQemu11(qemus()).filter(
  ({ major, missing, skipMost }) => major >= 9 && missing === undefined && skipMost === false,
)

for (const { label, emulator } of exact) {
  describe(`save --live by precopy, QEMU ${label}`, () => {
    for (const { what, rate, isForced } of GUESTS) {
      test(`the image of a guest that ${what} has the newest version of each page`, async () => {
        const writes = { pages: 4096, rate }
        await using tiny = await startTinyDomain({
          ...{ emulator, writes, memoryMib: 32 },
          machine: MACHINE,
        })
        const { stateDir, dir, log } = tiny
        await log.advance(3)
        const formats = isLongRun()
          ? (['stasis', 'raw', 'zstd', 'sparse'] as const)
          : ['stasis' as const]
        for (const format of formats) {
          const options = {
            stateDir,
            format,
            way: 'precopy',
            // QEMU estimates its bandwidth after 100 ms. Before that it never takes the rest for small enough.
            timeoutMs: isForced ? 60 : 20_000,
          } as const
          const { live, image, wasRunning } = await saveLive('tiny', dir.join(format), options)
          assert.equal(live.way, 'precopy')
          assert.equal(live.precopy?.isForced, isForced)
          assert.ok(live.pauseMs > 0 && (live.precopy?.rounds ?? 0) > 1)
          // The guest writes 16 MiB; some of it came more than once, and the image has it once.
          const stored = image.ramBytes - image.zeroBytes
          assert.ok(stored < 24 * 2 ** 20 && (live.precopy?.sentBytes ?? 0) > stored, `${stored}`)
          assert.equal(wasRunning, true)
          await log.advance(1)
        }
        await log.assertUnbroken()
        await destroyDomain('tiny', { stateDir })
        for (const format of formats) {
          const { damageCount } = await verifyImage(dir.join(format), {})
          assert.equal(damageCount, 0)
          for (const other of isLongRun() ? others : [otherThan(label)]) {
            await writeFile(dir.join('serial'), '')
            const xml = tiny.xml.replace(emulator, other.emulator)
            await restoreDomain(dir.join(format), { stateDir, xml: { text: xml } })
            await log.advance(4)
            // The guest compares every page with the last pass.
            await log.assertUnbroken()
            assert.match(await readFile(dir.join('serial'), 'latin1'), /^CNT [0-9a-f]{8} SUM 7159/m)
            await destroyDomain('tiny', { stateDir })
          }
        }
        assert.deepEqual(
          (await readdir(dir.path)).filter((name) => name.startsWith('.')),
          [],
        )
      })
    }
  })
}

for (const { label, emulator } of oldestQemu()) {
  test(`a guest whose save is killed just before it would be resumed continues, QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator })
    const { stateDir, dir, log } = tiny
    const argv = [DYING, stateDir, dir.join('image')]
    for (const alone of isLongRun() ? [false, true] : [false]) {
      await log.advance(1)
      const more = alone ? { STASIS_TEST_ALONE: '1' } : {}
      const { signal, stderr } = spawnSync(process.execPath, argv, {
        env: { ...process.env, ...more },
      })
      assert.equal(signal, 'SIGKILL', stderr.toString())
      if (alone) {
        await log.assertStill()
        // Nobody is left: the next command finds it.
        await suspendDomain('tiny', { stateDir })
        await resumeDomain('tiny', { stateDir })
      }
      await log.advance(2)
      assert.equal(existsSync(dir.join('image')), false)
    }
    await log.assertUnbroken()
  })
}

function otherThan(label: string): (typeof others)[number] {
  return others.find((other) => other.label !== label) ?? (others[0] as (typeof others)[number])
}
