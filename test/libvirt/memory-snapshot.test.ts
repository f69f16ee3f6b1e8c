import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { defineDomain, destroyDomain, restoreDomain } from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { isLongRun } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const skip = bedObstacle() ?? (isLongRun() ? false : 'long run only')

test(
  'an external snapshot with memory that libvirt made while the guest ran is restored',
  { skip },
  async () => {
    await using dir = await tempDir()
    const [diskPath, path, memory] = [dir.join('disk.img'), dir.join('serial'), dir.join('memory')]
    await writeFile(diskPath, await readFile(guestPaths().pagesDisk))
    await writeFile(path, '')
    const serial = { type: 'file', path } as const
    const emulator = '/usr/bin/qemu-system-x86_64'
    const xml = domainXml({ name: 'memspec', guest: 'tiny', emulator, serial, diskPath })
    const log = new CounterLog(path)
    {
      await using bed = await holdLibvirt('9.0')
      await writeFile(dir.join('xml'), xml.replace(/<watchdog model='itco'[^>]*\/>/, ''))
      await bed.virsh('define', dir.join('xml'))
      try {
        await bed.virsh('start', 'memspec')
        await log.advance(2)
        await bed.virsh(
          ...[
            'snapshot-create-as',
            'memspec',
            'one',
            '--memspec',
            memory,
            '--live',
            '--no-metadata',
          ],
        )
        await log.advance(1)
      } finally {
        await bed.virsh('destroy', 'memspec').catch(() => undefined)
        await bed.virsh('undefine', 'memspec')
      }
    }
    const stateDir = dir.join('state')
    await writeFile(path, '')
    await defineDomain(xml, { stateDir })
    try {
      const { state } = await restoreDomain(memory, { stateDir, allow: ['path:*', 'emulator:*'] })
      assert.equal(state, 'running')
      await log.advance(2)
      await log.assertUnbroken()
      await delay(100)
    } finally {
      await destroyDomain('memspec', { stateDir }).catch(() => undefined)
    }
  },
)
