import assert from 'node:assert/strict'
import { test } from 'node:test'
import { destroyDomain, restoreDomain, saveLive } from '../../src/index.ts'
import { isLongRun, qemus, withQemu11 } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const all = withQemu11(qemus())

// The machine is that of the oldest.
const machine = 'pc-q35-7.2'

for (const from of all)
  for (const to of all.filter(({ major }) => major > from.major))
    test(
      `a live image of QEMU ${from.label} continues on QEMU ${to.label}: load, lazy, map`,
      { skip: from.missing ?? to.missing ?? (!isLongRun() && 'long run only') },
      async () => {
        const writes = { pages: 512, rate: 16 }
        await using tiny = await startTinyDomain({ emulator: from.emulator, machine, writes })
        const { stateDir, dir, name, log, xml } = tiny
        await log.advance(2)
        const image = dir.join('image')
        const how = { stateDir, compression: 'none' } as const
        assert.equal((await saveLive(name, image, how)).live.way, 'write-protect')
        await log.advance(1)
        await log.assertUnbroken()
        await destroyDomain(name, { stateDir })
        const text = xml.replace(from.emulator, to.emulator)
        for (const mode of ['load', 'lazy', 'map'] as const) {
          const restored = await restoreDomain(image, {
            ...{ stateDir, mode, force: true, keepImage: true },
            xml: { text },
          })
          assert.deepEqual([restored.mode, restored.state], [mode, 'running'])
          // The guest checks all that it has written before.
          await log.advance(3)
          await destroyDomain(name, { stateDir })
        }
      },
    )
