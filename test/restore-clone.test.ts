import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  dumpDomainXml,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../src/index.ts'
import { domainXml } from './support/domain-xml.ts'
import { GuestConsole } from './support/guest-console.ts'
import { computeFillSum } from './support/guest-memory.ts'
import { newestQemu, withQemu11 } from './support/qemus.ts'
import { tempDir } from './support/temp-dir.ts'

const FILLED_MIB = 32

for (const { label, emulator, major, missing, skipMost } of withQemu11(newestQemu())) {
  const skip = missing ?? skipMost
  const mode = major < 9 ? 'lazy' : 'map'
  describe(`restore --clone on QEMU ${label}`, () => {
    test(`clones by ${mode} go their own ways`, { timeout: 180_000, skip }, async () => {
      await using dir = await tempDir()
      const stateDir = dir.join('state')
      const serial = dir.join('serial')
      const diskPath = dir.join('disk')
      const image = dir.join('image')
      const overlays = dir.join('overlays')
      await writeFile(diskPath, Buffer.alloc(1024 * 1024))
      await mkdir(overlays)
      const serialPort = { type: 'unix', path: serial } as const
      const guest = { name: 'first', guest: 'linux', emulator, memoryMib: 128 } as const
      await defineDomain(domainXml({ ...guest, diskPath, serial: serialPort }), { stateDir })
      const names = ['first', 'one', 'two']
      try {
        await startDomain('first', { stateDir })
        {
          await using console = await GuestConsole.connect(serial)
          await console.waitForLine(/^TICK 1$/, { timeoutMs: 60_000 })
          await console.ask(`fill ${FILLED_MIB}`, /^FILLED/)
        }
        await saveDomain('first', image, { stateDir, compression: 'none' })

        await assert.rejects(restoreDomain(image, { stateDir, mode, clone: { name: 'one' } }), {
          code: 'BAD_COMBINATION',
          hint: /--disk-overlay/,
        })
        const uuids = new Set<string>()
        for (const name of ['one', 'two']) {
          const clone = { name, diskOverlay: overlays }
          const restored = await restoreDomain(image, { stateDir, mode, clone })
          assert.equal(restored.name, name)
          uuids.add(restored.uuid)
          assert.ok(existsSync(dir.join('overlays', `${name}-vda.qcow2`)))
        }
        assert.equal(uuids.size, 2)
        await assert.rejects(
          restoreDomain(image, { stateDir, clone: { name: 'one', diskOverlay: overlays } }),
          { code: 'DOMAIN_RUNNING' },
        )
        await using one = await GuestConsole.connect(`${serial}.one`)
        await using two = await GuestConsole.connect(`${serial}.two`)
        // Another content in the one changes nothing in the other.
        const [, changed] = await one.ask(`fill ${FILLED_MIB} 7`, /^FILLED (\w+)/)
        assert.equal(changed, computeFillSum(FILLED_MIB, 7))
        const [, kept] = await two.ask('sum', /^SUM (\w+)/)
        assert.equal(kept, computeFillSum(FILLED_MIB))
        const macs = await Promise.all(
          ['one', 'two'].map(
            async (name) =>
              /<mac address='([^']+)'|<mac address="([^"]+)"/.exec(
                await dumpDomainXml(name, { stateDir }),
              )?.[0],
          ),
        )
        assert.notEqual(macs[0], macs[1])
      } finally {
        for (const name of names) await destroyDomain(name, { stateDir }).catch(() => undefined)
      }
    })
  })
}
