import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { domainInfo, restoreDomain, saveDomain, saveLive } from '../../src/index.ts'
import { placedMemory } from '../../src/domain/live/ways/guest-memory.ts'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { collapseMemory } from '../../src/transfer/live/collapse-memory.ts'
import { qemus } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const MEMORY_MIB = 64

/** What a process has of a memory file of ours in huge pages, in KiB. */
async function hugeKib(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps`, 'latin1')
  const [, mapping = ''] = text.split(/^.* \/(?:memfd:)?stasis .*$/m)
  return Number(/^ShmemPmdMapped: +(\d+) kB$/m.exec(mapping)?.[1])
}

for (const { label, emulator } of qemus()) {
  test(
    `a live save makes huge pages of the memory of a loaded guest, holes included, and the guest finds it right, QEMU ${label}`,
    { skip: process.getuid?.() === 0 ? false : 'needs root' },
    async () => {
      await using tiny = await startTinyDomain({
        emulator,
        memoryMib: MEMORY_MIB,
        writes: { pages: 1024, rate: 0 },
      })
      const { stateDir, dir, log } = tiny
      await log.advance(2)
      await saveDomain('tiny', dir.join('before'), { stateDir })
      await restoreDomain(dir.join('before'), { stateDir, mode: 'load' })
      await log.advance(2)
      const pid = (await domainInfo('tiny', { stateDir })).id as number
      assert.equal(await hugeKib(pid), 0)
      const monitor = join(stateDir, 'run', 'tiny', 'query.sock')
      await using query = await QmpConnection.connect(monitor)
      const place = { record: { pid }, memoryBytes: MEMORY_MIB * 2 ** 20 }
      const blocks = await placedMemory(query, place)
      await collapseMemory(pid, blocks, new AbortController().signal)
      // The host may have no huge page left for a few.
      assert.ok((await hugeKib(pid)) > (MEMORY_MIB * 1024) / 2)
      const { live } = await saveLive('tiny', dir.join('image'), { stateDir })
      assert.equal(live.way, 'write-protect')
      await log.advance(2)
      await log.assertUnbroken()
    },
  )
}
