import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import {
  type LiveSaveOptions,
  destroyDomain,
  listDomains,
  restoreDomain,
  saveLive,
} from '../../src/index.ts'
import { isLongRun, newestQemu, qemus, withQemu11 } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const ALL = ['stasis', 'raw', 'sparse', 'channels', 'gzip'] as const
const FORMATS: readonly LiveSaveOptions[] = (isLongRun() ? ALL : ALL.slice(0, 2)).map((format) => ({
  format,
}))

/** The newest of the two usual ones every day; the rescue of 7.2 has tests of its own. */
const capable = isLongRun()
  ? withQemu11(qemus())
  : newestQemu().map((qemu) => ({ ...qemu, missing: undefined }))

for (const { label, emulator, missing } of capable) {
  describe(`save --live, QEMU ${label}`, { skip: missing ?? false }, () => {
    test('the guest continues, and each image is the guest of its moment', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      await log.advance(3)
      const chosen = label.startsWith('10') ? FORMATS : FORMATS.slice(0, 1)
      for (const options of chosen) {
        const path = dir.join(options.format ?? '')
        const saved = await saveLive('tiny', path, { stateDir, ...options })
        assert.equal(saved.live.way, 'write-protect')
        assert.equal(saved.wasRunning, true)
        assert.ok(saved.live.pauseMs > 0, 'QEMU reported a stop')
        const [domain] = await listDomains({ stateDir })
        assert.equal(domain?.state, 'running')
        await log.advance(2)
      }
      await log.assertUnbroken()
      const counted = await log.counters()
      await destroyDomain('tiny', { stateDir })
      let least = counted[0] ?? 0
      for (const { format = 'stasis' } of chosen) {
        await writeFile(dir.join('serial'), '')
        const { state } = await restoreDomain(dir.join(format), { stateDir })
        assert.equal(state, 'running')
        await log.advance(3)
        await log.assertUnbroken()
        const [first = 0] = await log.counters()
        assert.ok(first > least && first <= (counted.at(-1) ?? 0), `${first} of ${format}`)
        least = first
        await destroyDomain('tiny', { stateDir })
      }
      const left = (await readdir(dir.path)).filter((name) => name.includes('partial'))
      assert.deepEqual(left, [])
    })
  })
}
