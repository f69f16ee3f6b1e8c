import { rm } from 'node:fs/promises'
import { orderPath } from '../../src/domain/store/saves/page-order-file.ts'
import { waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import { destroyDomain, restoreDomain, saveDomain } from '../../src/index.ts'
import '../../test/support/allow.ts'
import { type LinuxDomain, startLinuxDomain } from '../../test/support/linux-domain.ts'
import { pathsOf } from '../../test/support/page-server.ts'
import type { Measurement } from '../rounds/measurement.ts'
import type { Suite } from './suite.ts'

const MEMORY_MIB = 1024
const FILLED_MIB = 640

/** The time from the start of a restore until a Linux guest has read its memory once. */
export const readingSuite: Suite = {
  ...{ rounds: 3, usesRam: false, images: () => 1 },
  about: `a Linux guest of ${MEMORY_MIB} MiB reads ${FILLED_MIB} MiB of its memory after a restore`,
  async open({ emulator }) {
    const domain = await startLinuxDomain({ emulator, memoryMib: MEMORY_MIB })
    const { name, stateDir } = domain
    const image = domain.dir.join('image')
    {
      await using console = await domain.console()
      await console.ask(`fill ${FILLED_MIB}`, /^FILLED/, { timeoutMs: 120_000 })
    }
    await saveDomain(name, image, { stateDir, compression: 'zstd' })
    return {
      scenarios: [
        { name: 'load', measure: () => read(domain, image, 'load') },
        {
          name: 'lazy, no order',
          async measure() {
            await rm(orderPath({ stateDir }, image), { force: true })
            return read(domain, image, 'lazy')
          },
        },
        { name: 'lazy, ordered', measure: () => read(domain, image, 'lazy') },
      ],
      [Symbol.asyncDispose]: () => domain[Symbol.asyncDispose](),
    }
  },
}

async function read(
  domain: LinuxDomain,
  image: string,
  mode: 'load' | 'lazy',
): Promise<Measurement> {
  const { name, stateDir } = domain
  const start = performance.now()
  await restoreDomain(image, { stateDir, mode })
  {
    await using console = await domain.console()
    await console.ask('sum', /^SUM/, { timeoutMs: 120_000 })
  }
  const seconds = (performance.now() - start) / 1000
  await waitForAllMemory(name, pathsOf(domain), undefined)
  await destroyDomain(name, { stateDir })
  return { seconds }
}
