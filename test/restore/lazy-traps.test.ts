import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { postcopyState, waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import { openQuery } from '../../src/domain/machine/monitor.ts'
import { restoreDomain, saveDomain } from '../../src/index.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { freeHugePages, reserveHugePages } from '../support/huge-pages.ts'
import { type LinuxDomain, startLinuxDomain, withoutBalloon } from '../support/linux-domain.ts'
import { findPageServer, pathsOf } from '../support/page-server.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { startStasis, stasis } from '../support/stasis-command.ts'

const MIB = 1024 * 1024
const MEMORY_MIB = 128
const FILLED_MIB = 32

const skipShort = !isLongRun() && 'long run only'

interface Saved extends LinuxDomain {
  readonly image: string
}

/** A Linux guest with a checksum to keep, saved. */
async function saved(emulator: string, changeXml?: (xml: string) => string): Promise<Saved> {
  const domain = await startLinuxDomain({
    emulator,
    memoryMib: MEMORY_MIB,
    ...(changeXml && { changeXml }),
  })
  const image = domain.dir.join('image')
  {
    await using console = await domain.console()
    await console.ask(`fill ${FILLED_MIB}`, /^FILLED/)
  }
  await saveDomain(domain.name, image, { stateDir: domain.stateDir })
  return { ...domain, image }
}

for (const { label, emulator } of newestQemu()) {
  describe(`a lazy restore on QEMU ${label}`, () => {
    test(
      'shows the missing memory, makes a save wait that can be cancelled, and leaves an ordinary machine',
      { timeout: 120_000 },
      async () => {
        await using domain = await saved(emulator)
        const { name, stateDir, image } = domain
        await restoreDomain(image, { stateDir, mode: 'lazy' })
        const paths = pathsOf(domain)
        const { server } = await findPageServer(paths)
        {
          await using console = await domain.console()
          // While the guest requests pages, the background waits, so the server has time to report how much is missing.
          console.send('sum')
          for (;;) {
            const postcopy = await postcopyState(paths)
            assert.equal(postcopy?.state, 'filling')
            if (postcopy.remainingBytes !== undefined) break
            await delay(5)
          }
          process.kill(server, 'SIGSTOP')
        }
        try {
          assert.equal(await postcopyRam(domain), true)
          const info = await stasis(stateDir, 'dominfo', name)
          const [, kib] =
            /^Missing memory: +(\d+) KiB; .*the rest comes from .*image: keep that file/m.exec(
              info.stdout,
            ) ?? []
          assert.ok(Number(kib) > 0 && Number(kib) <= (MEMORY_MIB + 8) * 1024, info.stdout)
          const facts = await stasis(stateDir, '--json', 'dominfo', name)
          const { postcopy } = JSON.parse(facts.stdout) as { postcopy: { remainingBytes: number } }
          assert.equal(postcopy.remainingBytes, Number(kib) * 1024)

          for (const end of ['interrupt', 'domjobabort'] as const) {
            const save = startStasis(stateDir, ['save', name, `${image}.2`])
            for (;;) {
              const { stdout } = await stasis(stateDir, 'domjobinfo', name)
              if (/^Phase: +waiting-for-memory$/m.test(stdout)) break
              assert.equal(save.child.exitCode, null)
              await delay(20)
            }
            if (end === 'interrupt') save.child.kill('SIGINT')
            else await stasis(stateDir, 'domjobabort', name)
            const { exitCode, stderr } = await save.ended
            assert.equal(exitCode, 130)
            assert.match(
              stderr,
              /^Waiting for [\d.]+ [KM]iB of memory still being loaded from .*image$/m,
            )
            assert.match(stderr, /^error: Cancelled: save domain/m)
            assert.equal(existsSync(`${image}.2`), false)
          }
        } finally {
          process.kill(server, 'SIGCONT')
        }
        await using console = await domain.console()
        const [, sum] = await console.ask('sum', /^SUM (\w+)/)
        assert.equal(sum, computeFillSum(FILLED_MIB))
        await waitForAllMemory(name, paths, undefined)
        assert.equal(await postcopyRam(domain), false)
        assert.equal((await saveDomain(name, `${image}.2`, { stateDir })).wasRunning, true)
      },
    )

    test(
      'continues without its supervisor, and another one finishes the restore',
      { timeout: 120_000, skip: skipShort },
      async () => {
        await using domain = await saved(emulator)
        const { name, stateDir, image } = domain
        await restoreDomain(image, { stateDir, mode: 'lazy' })
        const paths = pathsOf(domain)
        const { supervisor } = await findPageServer(paths)
        process.kill(supervisor, 'SIGKILL')
        {
          await using console = await domain.console()
          await console.ask('write 16', /^WRITING/)
          const [, sum] = await console.ask('sum', /^SUM (\w+)/)
          assert.equal(sum, computeFillSum(FILLED_MIB))
          assert.match((await console.ask('quiet', /^QUIET .*/))[0], /ok$/)
        }
        await waitForAllMemory(name, paths, undefined)
        assert.equal(await postcopyRam(domain), false)
        await saveDomain(name, image, { stateDir })
      },
    )

    test(
      'loads huge pages, each as a whole, through two servers',
      { timeout: 120_000, skip: skipShort },
      async (context) => {
        await using reserved = await hugePages()
        if (typeof reserved.reason === 'string') return context.skip(reserved.reason)
        await using domain = await saved(emulator, inHugePages)
        const { name, stateDir, image } = domain
        const paths = pathsOf(domain)
        const free = await freeHugePages()
        await restoreDomain(image, { stateDir, mode: 'lazy' })
        const { server } = await findPageServer(paths)
        process.kill(server, 'SIGKILL')
        {
          await using console = await domain.console()
          await console.ask('write 16', /^WRITING/)
          const [, sum] = await console.ask('sum', /^SUM (\w+)/)
          assert.equal(sum, computeFillSum(FILLED_MIB))
          await waitForAllMemory(name, paths, undefined)
          assert.match((await console.ask('quiet', /^QUIET .*/))[0], /ok$/)
        }
        assert.equal(free - (await freeHugePages()), (MEMORY_MIB * MIB) / (2 * MIB))
        await saveDomain(name, image, { stateDir })
        assert.equal(await freeHugePages(), free)
      },
    )
  })
}

/** Whether QEMU's postcopy capability is on. */
async function postcopyRam(domain: LinuxDomain): Promise<boolean> {
  await using monitor = await openQuery(pathsOf(domain))
  const capabilities = await monitor.execute('query-migrate-capabilities')
  return capabilities.some(({ capability, state }) => capability === 'postcopy-ram' && state)
}

async function hugePages(): Promise<AsyncDisposable & { readonly reason?: string }> {
  const reserved = await reserveHugePages(MEMORY_MIB * MIB)
  return typeof reserved === 'string'
    ? { reason: reserved, [Symbol.asyncDispose]: () => Promise.resolve() }
    : reserved
}

function inHugePages(xml: string): string {
  return withoutBalloon(xml).replace('<vcpu', '<memoryBacking><hugepages/></memoryBacking><vcpu')
}
