import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { restoreDomain, saveDomain } from '../src/index.ts'
import { waitUntilFilled } from '../src/domain/fill-state.ts'
import { runtimePaths } from '../src/domain/runtime-paths.ts'
import { computeFillSum } from './support/guest-memory.ts'
import { type LinuxDomain, startLinuxDomain } from './support/linux-domain.ts'
import { qemus } from './support/qemus.ts'

const MEMORY_MIB = 192
const FILLED_MIB = 64

const pathsOf = (domain: LinuxDomain) =>
  runtimePaths({ stateDir: domain.stateDir, runtimeDir: `${domain.stateDir}/run` }, domain.name)

for (const { label, emulator } of qemus()) {
  describe(`restore --mode lazy on QEMU ${label}`, () => {
    test('the guest runs while its memory comes', { timeout: 180_000 }, async () => {
      await using domain = await startLinuxDomain({ emulator, memoryMib: MEMORY_MIB, vcpus: 2 })
      const { name, stateDir } = domain
      const image = domain.dir.join('image')
      {
        await using console = await domain.console()
        const [, sum] = await console.ask(`fill ${FILLED_MIB}`, /^FILLED (\w+)/)
        assert.equal(sum, computeFillSum(FILLED_MIB))
      }
      for (const compression of ['zstd', 'none'] as const) {
        await saveDomain(name, image, { stateDir, compression })
        const restored = await restoreDomain(image, { stateDir, mode: 'lazy' })
        assert.equal(restored.mode, 'lazy')
        await using console = await domain.console()
        await console.waitForLine(/^TICK/)
        await console.ask(`write ${FILLED_MIB / 2}`, /^WRITING/)
        const [, sum] = await console.ask('sum', /^SUM (\w+)/)
        assert.equal(sum, computeFillSum(FILLED_MIB))
        await waitUntilFilled(name, pathsOf(domain), undefined)
        assert.match((await console.ask('quiet', /^QUIET .*/))[0], /ok$/)
        assert.ok(existsSync(`${image}.order`))
      }
    })
  })
}
