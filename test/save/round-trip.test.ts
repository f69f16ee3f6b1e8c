import assert from 'node:assert/strict'
import { readFile, readdir, rm, stat } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { createHash } from 'node:crypto'
import { defineDomain } from '../../src/domain/lifecycle/define.ts'
import { destroyDomain } from '../../src/domain/lifecycle/destroy.ts'
import { listDomains } from '../../src/domain/status/list.ts'
import { restoreDomain } from '../../src/domain/restore/restore.ts'
import { resumeDomain } from '../../src/domain/lifecycle/resume.ts'
import { saveDomain, type SaveOptions } from '../../src/domain/save/save.ts'
import { startDomain } from '../../src/domain/lifecycle/start.ts'
import { suspendDomain } from '../../src/domain/lifecycle/suspend.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { isLongRun, qemus, withQemu11 } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const CHANNELS = [1, 2, 4, 8]
const COMPRESSIONS = ['none', 'zlib', 'zstd'] as const

/** What to save and restore where one round trip is enough. */
const PLAIN: SaveOptions = { format: 'stasis', compression: 'zstd', channels: 2 }

/** Usually every compression and every number of channels once for each format, in the long run every combination. */
const PAIRS = isLongRun()
  ? COMPRESSIONS.flatMap((compression) => CHANNELS.map((channels) => ({ compression, channels })))
  : CHANNELS.map((channels, at) => ({
      compression: COMPRESSIONS[at % COMPRESSIONS.length] ?? 'none',
      channels,
    }))

const variants: readonly SaveOptions[] = [
  { format: 'raw' },
  ...(['stasis', 'channels'] as const).flatMap((format) =>
    PAIRS.map((pair) => ({ format, ...pair })),
  ),
]

for (const { label, emulator, missing, skipMost } of withQemu11(qemus())) {
  for (const machine of ['q35', 'pc'] as const) {
    for (const state of ['running', 'paused'] as const) {
      // Formats do not depend on the machine (pc or q35) or the state of the guest, so one round trip of each is enough there.
      const usual = machine === 'q35' && state === 'running'
      const chosen = skipMost === false && (usual || isLongRun()) ? variants : [PLAIN]
      const skip = missing ?? (!usual && skipMost)
      describe(`QEMU ${label}, ${machine}, ${state} guest`, { skip }, () => {
        test(
          `continues to count through ${chosen.length} saves and restores, with the right memory`,
          { timeout: 300_000 },
          async () => {
            await using dir = await tempDir()
            const stateDir = dir.join('state')
            const log = new CounterLog(dir.join('serial'))
            const name = `m-${label}-${machine}-${state}`
            const xml = domainXml({
              ...{ name, guest: 'tiny', emulator, machine },
              serial: { type: 'file', path: dir.join('serial') },
            })
            await defineDomain(xml, { stateDir })
            await startDomain(name, { stateDir })
            try {
              await log.advance(3)
              for (const variant of chosen) {
                await saveAndRestore(variant)
              }
              await log.advance(2)
              await log.assertUnbroken()
            } finally {
              await destroyDomain(name, { stateDir }).catch(() => undefined)
            }

            async function saveAndRestore(variant: SaveOptions): Promise<void> {
              const what = JSON.stringify(variant)
              const path = dir.join('image.sav')
              if (state === 'paused') await suspendDomain(name, { stateDir })
              const saved = await saveDomain(name, path, { stateDir, ...variant })
              assert.equal(saved.wasRunning, state === 'running', what)
              assert.deepEqual(
                (await listDomains({ stateDir })).map((domain) => domain.name),
                [],
                `ended after ${what}`,
              )
              const digest = await digestOf(path)
              const restored = await restoreDomain(path, { stateDir, mode: 'load' })
              assert.equal(restored.state, state, what)
              assert.equal(await digestOf(path), digest, `the image is untouched by ${what}`)
              if (state === 'paused') {
                await log.assertStill()
                await resumeDomain(name, { stateDir })
              }
              await log.advance(1)
              const files = (await readdir(dir.path)).filter((file) => file.startsWith('image.sav'))
              assert.equal(
                files.length,
                1 + (variant.format === 'channels' ? (variant.channels ?? 0) : 0),
                what,
              )
              assert.equal((await stat(path)).mode & 0o777, 0o600)
              await Promise.all(files.map((file) => rm(dir.join(file))))
            }
          },
        )
      })
    }
  }
}

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
