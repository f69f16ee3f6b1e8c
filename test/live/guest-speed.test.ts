import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { suspendDomain, saveLive } from '../../src/index.ts'
import { newestQemu } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

for (const { label, emulator } of newestQemu()) {
  describe(`what a guest loses by a live save, QEMU ${label}`, () => {
    test('is measured: a guest that writes all the time ran before, and waited for pages', async () => {
      await using tiny = await startTinyDomain({ emulator, writes: { pages: 2048, rate: 0 } })
      const { stateDir, dir, log } = tiny
      await log.advance(3)
      const { live } = await saveLive('tiny', dir.join('image'), { stateDir })
      const { ranBefore = 0, ranDuring = 0, waited } = live.guest ?? {}
      assert.ok(ranBefore > 0.02 && ranBefore <= 1.05, `before: ${ranBefore}`)
      assert.ok(ranDuring > 0 && ranDuring <= 1.05, `during: ${ranDuring}`)
      if (process.getuid?.() === 0)
        assert.ok(waited !== undefined && waited > 0 && waited < 1, `waited: ${waited}`)
    })

    test('is not reported for a guest that is paused', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      await log.advance(1)
      await suspendDomain('tiny', { stateDir })
      const { live } = await saveLive('tiny', dir.join('image'), { stateDir })
      assert.equal(live.guest, undefined)
    })
  })
}
