import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { StasisError, domainInfo, saveDomain } from '../../src/index.ts'
import { oldestQemu } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const ROUNDS = 12

// Once, each of these cost the guest in about one of 20 to 30 rounds on QEMU 7.2: see notes/qemu/migration-control.md.
for (const { label, emulator } of oldestQemu()) {
  test(
    `a guest on QEMU ${label} survives being cancelled while its channels connect`,
    { timeout: 180_000 },
    async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      await log.advance(1)
      for (let round = 0; round < ROUNDS; round++) {
        const controller = new AbortController()
        const saving = saveDomain('tiny', dir.join('image'), {
          ...{ stateDir, signal: controller.signal, channels: 8 },
          onProgress: ({ phase }) => {
            if (phase === 'transferring') controller.abort()
          },
        })
        await assert.rejects(saving, { code: 'CANCELLED', message: /; it is still running$/ })
        assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
      }
      await log.advance(2)
      await log.assertUnbroken()
    },
  )

  test(`a guest on QEMU ${label} survives a full disk`, { timeout: 180_000 }, async (context) => {
    await using tiny = await startTinyDomain({ emulator })
    const { stateDir, dir, log } = tiny
    const full = dir.join('full')
    await mkdir(full)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'stasis', full]).status !== 0)
      return context.skip('only root may mount a small file system')
    try {
      await log.advance(1)
      for (const format of ['stasis', 'channels', 'raw'] as const) {
        for (let round = 0; round < ROUNDS; round++) {
          const channels = format === 'raw' ? undefined : 1 + (round % 8)
          const options = { stateDir, format, channels, compression: 'none' } as const
          await assert.rejects(saveDomain('tiny', `${full}/image`, options), (error) => {
            assert.ok(StasisError.is(error, 'NO_SPACE'))
            assert.equal(error.message, "Could not save domain 'tiny'; it is still running")
            assert.match(error.hint ?? '', /^3 MiB were free, and the image takes at most \d+ MiB$/)
            assert.equal(error.space?.freeBytes, 3 * 1024 * 1024)
            return true
          })
          assert.deepEqual(await readdir(full), [])
        }
      }
      await log.advance(2)
      await log.assertUnbroken()
    } finally {
      spawnSync('umount', [full])
    }
  })
}
