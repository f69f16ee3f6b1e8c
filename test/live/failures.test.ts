import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import {
  StasisError,
  abortJob,
  checkLive,
  destroyDomain,
  listDomains,
  listImages,
  saveLive,
} from '../../src/index.ts'
import { endlessStreams } from '../support/endless-streams.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

/** A guest that writes as fast as it can. */
const WRITES = { pages: 2048, rate: 0 }

/** Asserts that the guest writes everywhere, and that no trace of the save is left. */
async function assertGoesOn({ stateDir, log }: TinyDomain): Promise<void> {
  await log.advance(3)
  await log.assertUnbroken()
  const [domain] = await listDomains({ stateDir })
  assert.equal(domain?.state, 'running')
  const { images } = await listImages({ stateDir })
  assert.deepEqual(images, [])
}

for (const { label, emulator } of newestQemu()) {
  describe(`a live save that fails, QEMU ${label}`, () => {
    test('leaves the guest running and no file when it is cancelled, whenever that is', async () => {
      await using tiny = await startTinyDomain({ emulator, writes: WRITES, memoryMib: 256 })
      const { stateDir, dir, log } = tiny
      await log.advance(2)
      const rounds = isLongRun() ? 40 : 2
      using _endless = endlessStreams()
      for (let round = 0; round < rounds; round += 1) {
        const cancel = new AbortController()
        const transferring = Promise.withResolvers<void>()
        const saving = saveLive('tiny', dir.join('image'), {
          stateDir,
          signal: cancel.signal,
          onProgress: ({ phase }) => phase === 'transferring' && transferring.resolve(),
        })
        saving.catch(() => undefined)
        await transferring.promise
        await delay((round * 400) / rounds)
        if (round % 2 === 0) cancel.abort()
        else await abortJob('tiny', { stateDir })
        await assert.rejects(saving, (fault: unknown) => {
          assert.ok(StasisError.is(fault, 'CANCELLED'), inspect(fault))
          assert.match(fault.message, /it is still running/)
          return true
        })
        const files = (await readdir(dir.path)).filter((name) => name.includes('image'))
        assert.deepEqual(files, [])
        await log.advance(2)
      }
      await log.assertUnbroken()
    })

    test('leaves the guest running and no file when the disk is full', async (context) => {
      await using tiny = await startTinyDomain({ emulator, writes: WRITES })
      const { stateDir, dir, log } = tiny
      const full = dir.join('full')
      await mkdir(full)
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'stasis', full]).status !== 0)
        return context.skip('only root can mount')
      try {
        await log.advance(2)
        for (const format of isLongRun() ? (['raw', 'sparse'] as const) : (['raw'] as const)) {
          await assert.rejects(saveLive('tiny', `${full}/image`, { stateDir, format }), (error) => {
            assert.ok(StasisError.is(error, 'NO_SPACE'), String(error))
            assert.match(error.message, /it is still running/)
            return true
          })
          assert.deepEqual(await readdir(full), [])
          await assertGoesOn(tiny)
        }
      } finally {
        spawnSync('umount', [full])
      }
    })

    test('is refused before anything happens, with the reasons, where it cannot be', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      await log.advance(1)
      const path = dir.join('image')
      const asked = { stateDir, channels: 2 } as const
      const { liveObstacles } = await checkLive('tiny', path, asked)
      assert.ok(liveObstacles.some(({ code }) => code === 'MULTIFD_ASKED'))
      assert.equal((await checkLive('tiny', path, { stateDir })).way, 'write-protect')
      const limited = saveLive('tiny', path, { stateDir, maxBandwidth: 1e6 })
      await assert.rejects(limited, { code: 'BAD_COMBINATION' })
      await log.advance(1)
      await destroyDomain('tiny', { stateDir })
      await assert.rejects(saveLive('tiny', path, { stateDir }), { code: 'DOMAIN_NOT_RUNNING' })
    })
  })
}
