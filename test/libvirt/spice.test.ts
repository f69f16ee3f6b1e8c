import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  dumpDomainXml,
  restoreDomain,
  saveDomain,
  startDomain,
  undefineDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { desktopXml } from '../support/desktop-xml.ts'
import { bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

test(
  'a desktop with SPICE goes to libvirt 9.0 and back',
  { skip: bedObstacle() ?? false, timeout: 300_000 },
  async () => {
    const emulator = qemus()[0]?.emulator ?? ''
    await using bed = await holdLibvirt('9.0')
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const log = new CounterLog(dir.join('log'))
    try {
      await defineDomain(desktopXml({ emulator, serial: dir.join('log') }), { stateDir })
      await startDomain('desktop', { stateDir })
      // From now on it exists only in its images.
      await undefineDomain('desktop', { stateDir })
      await log.advance(2)
      await saveDomain('desktop', dir.join('ours'), { stateDir, format: 'raw' })
      await bed.virsh('restore', dir.join('ours'))
      await log.advance(2)
      const theirs = await bed.virsh('dumpxml', '--security-info', 'desktop')
      assert.match(theirs, /<graphics type='spice' port='\d+' [^>]*passwd='sesame'/)
      await bed.virsh('save', 'desktop', dir.join('theirs'))
      await restoreDomain(dir.join('theirs'), { stateDir, allow: ['listen:127.0.0.1:*'] })
      await log.advance(2)
      await log.assertUnbroken()
      const xml = await dumpDomainXml('desktop', { stateDir })
      for (const device of [
        /<redirdev /,
        /<smartcard /,
        /type=['"]spicevmc['"]/,
        /passwd=['"]\*{5}['"]/,
      ])
        assert.match(xml, device)
    } finally {
      await destroyDomain('desktop', { stateDir }).catch(() => undefined)
      await bed.virsh('destroy', 'desktop').catch(() => undefined)
    }
  },
)
