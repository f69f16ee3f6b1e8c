import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, open, truncate } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import { destroyDomain, restoreDomain, saveDomain } from '../../src/index.ts'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { defineImage } from '../../src/domain/images/define-image.ts'
import { tryLock } from '../../src/io/system-calls.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { startLinuxDomain, withoutBalloon } from '../support/linux-domain.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { qemus, withQemu11 } from '../support/qemus.ts'

const MEMORY_MIB = 192
const FILLED_MIB = 64
/** The guest ticks at most this often. */
const TICK_MS = 500

for (const { label, emulator, major, missing, skipMost } of withQemu11(qemus())) {
  const tooOld = major < 9 && 'QEMU before 8.1 takes no offset into a file'
  describe(`restore --mode map on QEMU ${label}`, { skip: missing }, () => {
    test(
      'the guest continues from the file, which does not change',
      { timeout: 180_000, skip: tooOld || skipMost },
      async () => {
        await using domain = await startLinuxDomain({
          emulator,
          memoryMib: MEMORY_MIB,
          changeXml: (xml) => xml,
        })
        const { name, stateDir } = domain
        const image = domain.dir.join('image')
        let ticks: number
        let tickedMs: number
        {
          await using console = await domain.console()
          const [, sum] = await console.ask(`fill ${FILLED_MIB}`, /^FILLED (\w+)/)
          assert.equal(sum, computeFillSum(FILLED_MIB))
          ticks = Number((await console.waitForLine(/^TICK (\d+)/))[1])
          tickedMs = performance.now()
        }
        await saveDomain(name, image, { stateDir, compression: 'none' })
        const ranMs = performance.now() - tickedMs
        const digest = await digestOf(image)
        for (const round of [1, 2]) {
          const restoredMs = performance.now()
          const restored = await restoreDomain(image, { stateDir, mode: 'map' })
          assert.equal(restored.mode, 'map')
          assert.equal(restored.timing.allRamMs, undefined)
          {
            await using file = await open(image)
            assert.equal(tryLock(file.fd), false, 'nobody may change the image')
          }
          await assert.rejects(
            defineImage(image, (xml) => Promise.resolve({ text: xml })),
            { code: 'IMAGE_IN_USE', message: /a guest runs from it/ },
          )
          await using console = await domain.console()
          const [, tick] = await console.waitForLine(/^TICK (\d+)/)
          const between = Number(tick) - ticks
          const most = 1 + (ranMs + performance.now() - restoredMs) / TICK_MS
          const what = `tick ${tick} follows ${ticks} in round ${round}`
          assert.ok(between > 0 && between <= most, what)
          await console.ask(`write ${FILLED_MIB / 2}`, /^WRITING/)
          const [, sum] = await console.ask('sum', /^SUM (\w+)/)
          assert.equal(sum, computeFillSum(FILLED_MIB))
          assert.match((await console.ask('quiet', /^QUIET .*/))[0], /ok$/)
          await destroyDomain(name, { stateDir })
        }
        assert.equal(await digestOf(image), digest, 'the image is as it was')
        await using file = await open(image)
        assert.equal(tryLock(file.fd), true, 'the lock went with the guest')
      },
    )

    test(
      'the smallest guest continues from a file that another image replaces',
      { timeout: 120_000, skip: tooOld },
      async () => {
        for (const format of ['stasis', 'sparse'] as const) {
          await using domain = await startTinyDomain({ emulator })
          const { name, stateDir, log } = domain
          const image = domain.dir.join('image')
          await log.advance(3)
          const how = format === 'stasis' ? { compression: 'none' as const } : { format }
          await saveDomain(name, image, { stateDir, ...how })
          const digest = await digestOf(image)
          const restored = await restoreDomain(image, { stateDir, mode: 'map' })
          assert.equal(restored.mode, 'map')
          await log.advance(5)
          assert.equal(await digestOf(image), digest, `the ${format} image is as it was`)
          // The guest runs from the old file, which no longer has a name.
          await saveDomain(name, image, { stateDir, ...how })
          await restoreDomain(image, { stateDir, mode: 'map' })
          await copyFile(image, `${image}.2`)
          await convertImage(`${image}.2`, image)
          await log.advance(5)
          await log.assertUnbroken()
        }
      },
    )

    test(
      'refuses an image that cannot be mapped, with the reason',
      { timeout: 120_000, skip: skipMost },
      async () => {
        await using domain = await startLinuxDomain({
          emulator,
          memoryMib: 128,
          changeXml: withoutBalloon,
        })
        const { name, stateDir } = domain
        const image = domain.dir.join('image')
        await saveDomain(name, image, { stateDir, compression: 'zstd' })
        await assert.rejects(restoreDomain(image, { stateDir, mode: 'map' }), {
          code: 'IMAGE_INCOMPATIBLE',
          message: /cannot be mapped: the image is compressed/,
        })
        await restoreDomain(image, { stateDir, mode: 'load' })
        await saveDomain(name, image, { stateDir, compression: 'none' })
        if (major < 9) {
          await assert.rejects(restoreDomain(image, { stateDir, mode: 'map' }), {
            code: 'QEMU_LACKS_FEATURE',
            message: /QEMU before 8\.1/,
          })
          return
        }
        await truncate(image, 100_000_000)
        await assert.rejects(restoreDomain(image, { stateDir, mode: 'map' }), {
          code: 'IMAGE_TRUNCATED',
        })
      },
    )
  })
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
