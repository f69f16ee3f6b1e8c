import assert from 'node:assert/strict'
import { chmod, chown, mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { destroyDomain } from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { stasisWith } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const skip = bedObstacle() ?? false
const name = 'session-guest'
const NOBODY = 65_534
const STATE = 'tpm2-00.permall'

const TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"

test(
  "a guest of a user's libvirt comes with its TPM and its memory",
  { skip, timeout: 300_000 },
  async () => {
    await using bed = await holdLibvirt('9.0')
    await using dir = await tempDir()
    await chmod(dir.path, 0o755)
    const home = dir.join('home')
    const run = join(home, 'run')
    for (const path of [home, run]) {
      await mkdir(path)
      await chown(path, NOBODY, NOBODY)
    }
    const serial = { type: 'file', path: join(home, 'serial') } as const
    // QEMU of the host and QEMU of this libvirt are the same Debian package.
    const machine = { name, guest: 'tiny', emulator: '/usr/bin/qemu-system-x86_64' } as const
    const xml = domainXml({ ...machine, serial, network: false })
      // libvirt 9.0 does not have the name of q35's own watchdog.
      .replace(/ *<watchdog model='itco'.*\n/, '')
      .replace('<memballoon', `${TPM}<memballoon`)
    await writeFile(dir.join('xml'), xml)
    const virsh = (...args: readonly string[]): Promise<string> =>
      bed.asUser(home, 'virsh', '-c', 'qemu:///session', ...args)
    const stateDir = dir.join('state')
    const env = { HOME: home, XDG_RUNTIME_DIR: run }
    const says = (...args: readonly string[]) => stasisWith({ stateDir, env }, ...args)
    const from = ['--from-libvirt', 'qemu:///session'] as const
    const log = new CounterLog(serial.path)

    await bed.asUser(home, 'libvirtd', '-d', '-p', join(run, 'libvirtd.pid'))
    for (let attempt = 0; ; attempt += 1) {
      const defined = await virsh('define', dir.join('xml')).catch((error: unknown) => error)
      if (typeof defined === 'string') break
      assert.ok(attempt < 50, String(defined))
      await delay(100)
    }
    await virsh('start', name)
    await log.advance(2)
    const running = await says('import', name, ...from)
    assert.equal(running.exitCode, 3)
    assert.match(running.stderr, /Domain 'session-guest' runs: its QEMU is process \d+/)

    await virsh('managedsave', name)
    const imported = await says('import', name, ...from, '--managed-save', 'move')
    assert.equal(imported.exitCode, 0, imported.stderr)
    assert.match(imported.stdout, /imported with its managed save \(moved\)/)
    assert.match(imported.stderr, /warning: the TPM of 'session-guest' was copied from /)
    const [uuid = ''] = await readdir(join(stateDir, 'tpm'))
    const theirs = join(home, '.config/libvirt/qemu/swtpm', uuid, 'tpm2', STATE)
    const ours = join(stateDir, 'tpm', uuid, 'tpm2', STATE)
    assert.deepEqual(await readFile(ours), await readFile(theirs))
    assert.deepEqual(await readdir(join(home, '.config/libvirt/qemu/save')), [])

    try {
      const started = await says('start', name)
      assert.equal(started.exitCode, 0, started.stderr)
      assert.match(started.stdout, /started from its managed save/)
      await log.advance(2)
      await log.assertUnbroken()
    } finally {
      await destroyDomain(name, { stateDir }).catch(() => undefined)
    }
  },
)
