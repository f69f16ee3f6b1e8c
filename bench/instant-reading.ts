import { rm } from 'node:fs/promises'
import { waitForAllMemory } from '../src/domain/store/postcopy-state.ts'
import { orderPath } from '../src/domain/store/page-order-file.ts'
import { destroyDomain, restoreDomain, saveDomain } from '../src/index.ts'
import { startLinuxDomain } from '../test/support/linux-domain.ts'
import { pathsOf } from '../test/support/page-server.ts'
import { printTarget } from './report.ts'
import { median } from './rounds.ts'
import type { BenchSetting } from './setting.ts'

const MEMORY_MIB = 1024
const FILLED_MIB = 640

/** The time from the start of the restore until a Linux guest has read its memory once. */
export async function benchReading(setting: BenchSetting): Promise<void> {
  await using domain = await startLinuxDomain({ emulator: setting.emulator, memoryMib: MEMORY_MIB })
  const { name, stateDir } = domain
  const image = domain.dir.join('image')
  {
    await using console = await domain.console()
    await console.ask(`fill ${FILLED_MIB}`, /^FILLED/, { timeoutMs: 120_000 })
  }
  await saveDomain(name, image, { stateDir, compression: 'zstd' })
  const read = async (mode: 'load' | 'lazy'): Promise<number> => {
    const start = performance.now()
    await restoreDomain(image, { stateDir, mode })
    await using console = await domain.console()
    await console.ask('sum', /^SUM/, { timeoutMs: 120_000 })
    const ms = performance.now() - start
    await waitForAllMemory(name, pathsOf(domain), undefined)
    await destroyDomain(name, { stateDir })
    return ms
  }
  const rows = []
  for (let round = 0; round < setting.rounds; round += 1) {
    const load = await read('load')
    await rm(orderPath({ stateDir }, image), { force: true })
    const unordered = await read('lazy')
    rows.push({ load, 'lazy, no order': unordered, 'lazy, ordered': await read('lazy') })
  }
  console.log(
    `${MEMORY_MIB} MiB, a guest reads ${FILLED_MIB} MiB of its memory: ms from the restore on`,
  )
  console.table(rows)
  const ratio = median(rows.map((row) => row['lazy, ordered'] / row.load))
  printTarget('lazy with an order, all read / load, all read', ratio, 1.2)
}
