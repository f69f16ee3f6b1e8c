import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import {
  defineDomain,
  destroyDomain,
  domainInfo,
  dumpDomainXml,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { withoutBalloon } from '../support/linux-domain.ts'
import { newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

// A guest that booted with UEFI firmware that has Secure Boot, in System Management Mode, is saved and restored. It has no enrolled keys: with them the
// firmware would refuse our kernel.

const FEATURES = `<firmware><feature name='secure-boot' enabled='yes'/><feature name='enrolled-keys' enabled='no'/></firmware>`

for (const { label, emulator } of newestQemu()) {
  suite(`QEMU ${label}`, () => {
    test('saves and restores a guest with Secure Boot firmware', { timeout: 120_000 }, async () => {
      await using dir = await tempDir()
      const stateDir = dir.join('state')
      const serial = { type: 'unix', path: dir.join('serial') } as const
      const xml = withoutBalloon(
        domainXml({ name: 'secure', guest: 'linux', emulator, serial, memoryMib: 256 }),
      )
        .replace('<os>', "<os firmware='efi'>")
        .replace('</os>', `${FEATURES}</os>`)
      await defineDomain(xml, { stateDir })
      const defined = await dumpDomainXml('secure', { stateDir })
      assert.match(defined, /<loader readonly='yes' type='pflash' secure='yes'>.*secboot/)
      assert.match(defined, /<smm state='on'\/>/)
      await startDomain('secure', { stateDir })
      try {
        // The firmware runs. Without KVM it takes minutes to start a kernel.
        await setTimeout(3_000)
        const path = dir.join('image')
        await saveDomain('secure', path, { stateDir })
        await restoreDomain(path, { stateDir })
        assert.equal((await domainInfo('secure', { stateDir })).state, 'running')
      } finally {
        await destroyDomain('secure', { stateDir }).catch(() => undefined)
      }
    })
  })
}
