import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { defineDomain, destroyDomain, restoreDomain, startDomain } from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { type LibvirtBed, bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { isLongRun } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const skip = bedObstacle() ?? (isLongRun() ? false : 'long run only')

/** What users of virsh type to look at snapshots. */
const LOOKS = [
  ['snapshot-list'],
  ['snapshot-list', '--tree'],
  ['snapshot-list', '--name'],
  ['snapshot-list', '--parent'],
  ['snapshot-info', 'one'],
  ['snapshot-info', 'three'],
  ['snapshot-info', '--current'],
  ['snapshot-current', '--name'],
  ['snapshot-parent', 'two'],
  ['snapshot-parent', '--current'],
] as const

const NAME = 'memspec'

/** Without times, and without spaces and empty lines at the ends. */
function plain(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}/g, 'TIME')
    .replace(/ +$/gm, '')
    .trimEnd()
}

async function withSnapshots(
  bed: LibvirtBed,
  dir: { join(name: string): string },
  log: CounterLog,
): Promise<readonly string[]> {
  const make = ['snapshot-create-as', NAME]
  await log.advance(2)
  await bed.virsh(...make, 'one', '--memspec', dir.join('memory'), '--live')
  await bed.virsh(...make, 'two', '--memspec', dir.join('memory.two'), '--live')
  await bed.virsh(...make, 'three', '--disk-only')
  await log.advance(1)
  const shown: string[] = []
  for (const [verb, ...more] of LOOKS) shown.push(plain(await bed.virsh(verb, NAME, ...more)))
  return shown
}

for (const version of ['9.0', '11.3'] as const)
  test(
    `external snapshots with memory that libvirt ${version} made while the guest ran are restored, and ours are listed as it lists them`,
    { skip },
    async () => {
      await using dir = await tempDir()
      const [diskPath, path, memory] = [
        dir.join('disk.img'),
        dir.join('serial'),
        dir.join('memory'),
      ]
      await writeFile(diskPath, await readFile(guestPaths().pagesDisk))
      await writeFile(path, '')
      const serial = { type: 'file', path } as const
      const emulator = '/usr/bin/qemu-system-x86_64'
      const xml = domainXml({
        ...{ name: NAME, guest: 'tiny', emulator, serial, diskPath },
        machine: 'pc-q35-7.2',
      })
      const log = new CounterLog(path)
      let shown: readonly string[]
      {
        await using bed = await holdLibvirt(version)
        await writeFile(dir.join('xml'), xml.replace(/<watchdog model='itco'[^>]*\/>/, ''))
        await bed.virsh('define', dir.join('xml'))
        try {
          await bed.virsh('start', NAME)
          shown = await withSnapshots(bed, dir, log)
        } finally {
          await bed.virsh('destroy', NAME).catch(() => undefined)
          for (const one of ['three', 'two', 'one'])
            await bed.virsh('snapshot-delete', NAME, one, '--metadata').catch(() => undefined)
          await bed.virsh('undefine', NAME)
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
        await destroyDomain(NAME, { stateDir })
        await startDomain(NAME, { stateDir })
        const run = async (...argv: readonly string[]): Promise<string> => {
          const { exitCode, stdout, stderr } = await stasis(stateDir, ...argv)
          assert.equal(exitCode, 0, stderr)
          return stdout
        }
        for (const one of ['one', 'two'])
          await run(
            ...(['snapshot-create-as', NAME, one, '--live'] as const),
            ...['--memspec', dir.join(`ours.${one}`)],
          )
        await run('snapshot-create-as', NAME, 'three', '--disk-only')
        for (const [at, [verb, ...more]] of LOOKS.entries())
          assert.equal(plain(await run(verb, NAME, ...more)), shown[at], [verb, ...more].join(' '))
      } finally {
        await destroyDomain(NAME, { stateDir }).catch(() => undefined)
      }
    },
  )
