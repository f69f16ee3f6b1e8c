import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { domainInfo, saveLive } from '../../src/index.ts'
import { watchedRanges } from '../../src/qemu/process/write-protection.ts'
import { isLongRun, oldestQemu } from '../support/qemus.ts'
import { Random } from '../support/random.ts'
import { startStasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'
import { watchersEnd } from '../support/watchers.ts'

/** A guest that writes as fast as it can. */
const WRITES = { pages: 8192, rate: 0 }

/** That the guest writes everywhere, and that nothing is left of a save that did not complete. */
async function assertContinues({ stateDir, dir, log }: TinyDomain): Promise<void> {
  await log.advance(2)
  const { id } = await domainInfo('tiny', { stateDir })
  assert.deepEqual(await watchedRanges(id as number), [])
  const left = (await readdir(dir.path)).filter((name) => name.includes('image'))
  assert.deepEqual(left, [])
}

async function cancelled(
  { stateDir, dir }: TinyDomain,
  way: Way,
  afterMs: number,
): Promise<boolean> {
  const signal = AbortSignal.timeout(afterMs)
  try {
    await saveLive('tiny', dir.join('image'), { stateDir, signal, way })
    return false
  } catch (error) {
    assert.equal((error as { readonly code?: string }).code, 'CANCELLED')
    return true
  }
}

async function killed({ stateDir, dir }: TinyDomain, way: Way, afterMs: number): Promise<boolean> {
  const argv = ['save', 'tiny', dir.join('image'), '--live', '--way', way, '--timeout', '1']
  const { child, ended } = startStasis(stateDir, argv)
  await delay(afterMs)
  child.kill('SIGKILL')
  const { exitCode } = await ended
  await watchersEnd(stateDir)
  return exitCode !== 0
}

type Way = 'write-protect' | 'precopy'

const ways: readonly Way[] = isLongRun() ? ['write-protect', 'precopy'] : ['write-protect']
const table = oldestQemu().flatMap(({ label, emulator }) =>
  ways.map((way) => ({ label, emulator, way })),
)

for (const { label, emulator, way } of table) {
  test(`a guest that writes all the time continues after a live save by ${way} was cancelled or killed, QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator, memoryMib: 64, writes: WRITES })
    const random = new Random(7)
    await tiny.log.advance(2)
    const rounds = isLongRun() ? 100 : 2
    let ended = 0
    for (let round = 0; round < rounds; round += 1) {
      const isKill = round % 2 === 1
      const afterMs = isLongRun() ? random.below(1500) : isKill ? 600 : 300
      if (await (isKill ? killed : cancelled)(tiny, way, afterMs)) ended += 1
      else await rm(tiny.dir.join('image'))
      await assertContinues(tiny)
    }
    assert.ok(ended >= rounds / 4, `only ${ended} of ${rounds} ended before their time`)
    const options = { stateDir: tiny.stateDir, way, timeoutMs: 200 }
    const { live } = await saveLive('tiny', tiny.dir.join('done'), options)
    assert.equal(live.way, way)
    await tiny.log.advance(1)
    await tiny.log.assertUnbroken()
  })
}
