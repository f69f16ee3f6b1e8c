import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  attachDomain,
  checkSave,
  detachDomain,
  domainInfo,
  resumeDomain,
  saveDomain,
  suspendDomain,
} from '../../src/index.ts'
import { cacheDir } from '../support/cache-dir.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { interopBeds } from '../support/interop-beds.ts'
import { bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const skip = bedObstacle() ?? false

for (const { version, emulator } of interopBeds().filter((bed) => bed.version === '9.0')) {
  test(`attach and a QEMU of libvirt ${version}`, { skip, timeout: 300_000 }, async (t) => {
    await using bed = await holdLibvirt(version)
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const second = dir.join('second')
    const serial = { type: 'file', path: dir.join('serial') } as const
    const plain = domainXml({ name: 'theirs', guest: 'tiny', emulator, serial })
    // libvirt 9.0 does not have the name of q35's own watchdog.
    const xml = plain
      .replace(/ *<watchdog model='itco'.*\n/, '')
      .replace(
        "<domain type='qemu'>",
        "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>",
      )
      .replace(
        '</domain>',
        `<qemu:commandline><qemu:arg value='-qmp'/><qemu:arg value='unix:${second},server=on,wait=off'/></qemu:commandline></domain>`,
      )
    await writeFile(dir.join('xml'), xml)
    await bed.virsh('create', dir.join('xml'))
    const log = new CounterLog(serial.path)
    await log.advance(1)

    await t.test("libvirt's own monitor is refused, with the reason", async () => {
      const state = join(cacheDir, `libvirt-${version}/root/var/lib/libvirt/qemu`)
      const place = (await readdir(state)).find((one) => /^domain-\d+-theirs$/.test(one))
      const monitor = join(state, place ?? '', 'monitor.sock')
      const { stderr, exitCode } = await stasis(stateDir, 'attach', '--qmp', monitor)
      assert.equal(exitCode, 3, stderr)
      assert.match(
        stderr,
        /The monitor at .* does not answer[^]*Another program may be using this monitor/,
      )
    })
    await t.test('with a second monitor it can be watched and paused, but not saved', async () => {
      const { name, obstacles } = await attachDomain(second, { stateDir })
      assert.match(
        obstacles.join('; '),
        /-chardev socket,id=charmonitor,fd=\d+.* uses an inherited descriptor/,
      )
      assert.equal(name, 'theirs')
      assert.equal((await domainInfo(name, { stateDir })).state, 'running')
      await suspendDomain(name, { stateDir })
      await log.assertStill()
      assert.match(await bed.virsh('domstate', 'theirs'), /paused/)
      await resumeDomain(name, { stateDir })
      await log.advance(1)
      assert.deepEqual((await checkSave(name, dir.join('image'), { stateDir })).obstacles.length, 1)
      await assert.rejects(saveDomain(name, dir.join('image'), { stateDir }), {
        code: 'QEMU_REFUSED',
        message: /inherited descriptor/,
      })
      await log.advance(1)
      assert.match(await bed.virsh('domstate', 'theirs'), /running/)
      await detachDomain(name, { stateDir })
    })
    await t.test('libvirt continues with it', async () => {
      await bed.virsh('destroy', 'theirs')
    })
  })
}
