import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { readPostcopyRecord } from '../../src/domain/store/postcopy-record.ts'
import { postcopyState } from '../../src/domain/store/postcopy-state.ts'
import { destroyDomain, domainInfo, restoreDomain, saveDomain } from '../../src/index.ts'
import { type ProcessIdentity, isAlive } from '../../src/qemu/process/process-identity.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { type LinuxDomain, startLinuxDomain } from '../support/linux-domain.ts'
import { pathsOf } from '../support/page-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { isLongRun, newestQemu, withQemu11 } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { processesOf, watchersEnd } from '../support/watchers.ts'

const MEMORY_MIB = 192
const FILLED_MIB = 48

/** How long after the guest began to run the restoring process is killed. The page server takes over after about 100 ms. */
const DEATHS_MS = isLongRun() ? [0, 10, 20, 30, 40, 60, 80, 100, 120, 150, 200, 300] : [0, 60, 150]

for (const { label, emulator, missing, skipMost } of withQemu11(newestQemu())) {
  const options = { timeout: 240_000, skip: missing ?? skipMost }
  test(`a lazy restore is handed over, on QEMU ${label}`, options, async (context) => {
    await using domain = await startLinuxDomain({ emulator, memoryMib: MEMORY_MIB })
    const { name, stateDir } = domain
    const image = domain.dir.join('image')
    {
      await using console = await domain.console()
      await console.ask(`fill ${FILLED_MIB}`, /^FILLED (\w+)/)
    }
    await saveDomain(name, image, { stateDir })

    for (const ms of DEATHS_MS) {
      await context.test(`nothing is lost when its process is killed after ${ms} ms`, async () => {
        const script = join(import.meta.dirname, '../support/restore-and-die.ts')
        const child = spawn(process.execPath, [script, stateDir, image, String(ms)])
        assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
        await assertWhole(domain)
      })
    }

    await context.test(
      'nothing is lost when the page server dies before it took over',
      async () => {
        await restoreDomain(image, { stateDir, mode: 'lazy' })
        process.kill((await nextServer(domain)).pid, 'SIGKILL')
        await assertWhole(domain)
      },
    )

    await context.test(
      'nothing is lost when the page server dies before the guest runs',
      async () => {
        const restored = restoreDomain(image, { stateDir, mode: 'lazy' })
        const waiting = (): readonly number[] =>
          processesOf(stateDir, (line) => line.includes('page-server-main'))
        while (waiting().length === 0) await delay(1)
        for (const pid of waiting()) process.kill(pid, 'SIGKILL')
        await restored
        await assertWhole(domain)
      },
    )

    await context.test('no page server is left by a restore that is refused', async () => {
      await using other = await tempDir()
      const noImage = other.join('image')
      await copyFile(image, noImage)
      await truncate(noImage, 4096)
      await assert.rejects(restoreDomain(noImage, { stateDir, mode: 'lazy' }))
      assert.deepEqual(
        processesOf(stateDir, (line) => line.includes('page-server-main')),
        [],
      )
    })

    const both = { skip: !isLongRun() && 'long run only' }
    await context.test(
      'nothing is lost when both die as soon as the guest runs',
      both,
      async () => {
        const script = join(import.meta.dirname, '../support/restore-and-die.ts')
        const child = spawn(process.execPath, [script, stateDir, image, '20'])
        const servers = (): readonly number[] =>
          processesOf(stateDir, (line) => line.includes('page-server-main'))
        while (servers().length === 0) await delay(1)
        const waiting = servers()
        await once(child, 'exit')
        for (const pid of waiting) killIfThere(pid)
        await assertWhole(domain)
      },
    )

    await context.test('the command ends when the page server has taken over', async () => {
      const { stdout, stderr } = await stasis(stateDir, 'restore', image, '--mode', 'lazy')
      assert.match(
        stdout,
        /^Domain restored from .*\n[\d.]+ MiB of memory, ready after .*\nThe memory of '.*' is still being loaded: keep .* until then/,
        stderr,
      )
      // With so little memory, all of it may be loaded already.
      const state = await postcopyState(pathsOf(domain))
      assert.ok(state === undefined || state.state === 'filling', state?.state)
      await assertWhole(domain)
      await watchersEnd(stateDir)
    })

    await context.test('a domain that is destroyed at once leaves nothing', async () => {
      for (const ms of [0, 50, 100]) {
        await restoreDomain(image, { stateDir, mode: 'lazy' })
        const server = ms === 0 ? undefined : await nextServer(domain)
        await delay(ms)
        await destroyDomain(name, { stateDir })
        while (server !== undefined && (await isAlive(server))) await delay(5)
        assert.equal(await readPostcopyRecord(pathsOf(domain)), undefined)
        assert.equal((await domainInfo(name, { stateDir })).state, 'shut off')
      }
    })
  })
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The page server that takes over from this process. */
async function nextServer(domain: LinuxDomain): Promise<ProcessIdentity> {
  for (;;) {
    const record = await readPostcopyRecord(pathsOf(domain))
    assert.ok(record !== undefined, 'it is being filled')
    if (record.server !== undefined && record.server.pid !== process.pid) return record.server
    await delay(1)
  }
}

/** Waits until all memory is loaded, checks it, and ends the guest. */
async function assertWhole(domain: LinuxDomain): Promise<void> {
  {
    await using console = await domain.console()
    const [, sum] = await console.ask('sum', /^SUM (\w+)/)
    assert.equal(sum, computeFillSum(FILLED_MIB))
  }
  // There may be a moment without any page server.
  for (const deadline = performance.now() + 10_000; ; await delay(20)) {
    const postcopy = await postcopyState(pathsOf(domain))
    if (postcopy === undefined) break
    assert.ok(postcopy.state === 'filling' || performance.now() < deadline, postcopy.state)
  }
  await destroyDomain(domain.name, { stateDir: domain.stateDir })
}
