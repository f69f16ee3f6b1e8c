import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import {
  appendFile,
  copyFile,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { destroyDomain, domainInfo, dumpDomainXml, managedSaveDomain } from '../../src/index.ts'
import { cacheDir } from '../support/cache-dir.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { interopBeds } from '../support/interop-beds.ts'
import { type LibvirtBed, bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { stasis, stasisWith } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

// Domains of a real libvirt go to Stasis with their memory, and back. The firmware of the guest is SeaBIOS in a flash memory, so that it has a
// variable store without a UEFI firmware, which would take minutes to boot.

const skip = bedObstacle() ?? false
const name = 'traveller'

interface Place {
  readonly bed: LibvirtBed
  readonly dir: TempDir
  readonly root: string
  readonly stateDir: string
  readonly log: CounterLog
  readonly disk: string
  stasis(...args: readonly string[]): ReturnType<typeof stasis>
}

/** A domain that libvirt defines, with a variable store, a disk of its own, and autostart. */
async function place(bed: LibvirtBed, dir: TempDir, emulator: string): Promise<Place> {
  const root = join(cacheDir, `libvirt-${bed.version}/root`)
  await forget(bed, root)
  const disk = dir.join('disk')
  const [code, variables] = [dir.join('code.fd'), dir.join('vars.fd')]
  await copyFile(guestPaths().tinyDisk, disk)
  await copyFile(join(root, 'usr/share/seabios/bios-256k.bin'), code)
  await writeFile(variables, Buffer.alloc(128 * 1024, 0xa5))
  const serial = { type: 'file', path: dir.join('serial') } as const
  const xml = domainXml({ name, guest: 'tiny', emulator, serial, diskPath: disk })
    // libvirt 9.0 does not have the name of q35's own watchdog.
    .replace(/ *<watchdog model='itco'.*\n/, '')
    .replace(
      "    <boot dev='hd'/>",
      `    <loader readonly='yes' type='pflash'>${code}</loader>\n    <nvram template='${variables}'/>\n    <boot dev='hd'/>`,
    )
  await writeFile(dir.join('xml'), xml)
  await bed.virsh('define', dir.join('xml'))
  await bed.virsh('autostart', name)
  const stateDir = dir.join('state')
  return {
    bed,
    dir,
    root,
    stateDir,
    log: new CounterLog(serial.path),
    disk,
    stasis: (...args) => stasis(stateDir, ...args),
  }
}

/** What an earlier run may have left in the bed. */
async function forget(bed: LibvirtBed, root: string): Promise<void> {
  await bed.virsh('managedsave-remove', name).catch(() => undefined)
  await bed.virsh('undefine', '--nvram', name).catch(() => undefined)
  for (const path of [
    'etc/libvirt/qemu/traveller.xml',
    'etc/libvirt/qemu/autostart/traveller.xml',
    'var/lib/libvirt/qemu/nvram/traveller_VARS.fd',
    'var/lib/libvirt/qemu/save/traveller.save',
  ])
    await rm(join(root, path), { force: true })
}

for (const { version, emulator } of interopBeds().filter((bed) => bed.version === '9.0')) {
  test(
    `domains of libvirt ${version} come to Stasis, and go back`,
    {
      skip,
      timeout: 600_000,
    },
    async (t) => {
      await using bed = await holdLibvirt(version)
      await using dir = await tempDir()
      const here = await place(bed, dir, emulator)
      const { root, stateDir, log } = here
      const their = (path: string): string => join(root, path)
      const save = their('var/lib/libvirt/qemu/save/traveller.save')
      const store = their('var/lib/libvirt/qemu/nvram/traveller_VARS.fd')
      const definition = their('etc/libvirt/qemu/traveller.xml')
      const from = ['--libvirt-root', root] as const
      const remains = dir.join('remains')
      try {
        await bed.virsh('start', name)
        await log.advance(2)

        await t.test('a domain that libvirt runs is refused by name', async () => {
          const { exitCode, stderr } = await here.stasis('import', name, ...from)
          assert.equal(exitCode, 3)
          assert.match(stderr, /Domain 'traveller' runs: its QEMU is process \d+/)
          assert.match(stderr, /virsh managedsave traveller/)
          const attached = await here.stasis('attach', name)
          assert.equal(attached.exitCode, 3)
          assert.match(attached.stderr, /belongs to libvirt, which holds its only monitor/)
          assert.match(attached.stderr, /stasis import traveller --managed-save move/)
          assert.deepEqual((await here.stasis('list', '--all', '--name')).stdout.trim(), '')
          await log.advance(1)
        })

        await bed.virsh('managedsave', name)
        const lines = await linesOf(dir.join('serial'))
        const theirs = await readFile(definition)
        const { mtime: saved } = await stat(here.disk)

        await t.test('a managed save is not taken, or left, unless a person says so', async () => {
          const { exitCode, stderr } = await here.stasis('import', name, ...from)
          assert.equal(exitCode, 3)
          assert.match(stderr, /has a managed save: choose what to do with it/)
          const all = await here.stasis('import', '--all', ...from)
          assert.equal(all.exitCode, 3)
          assert.match(all.stderr, /traveller: error: Domain 'traveller' has a managed save/)
        })

        await t.test('a dry run writes nothing', async () => {
          await rm(stateDir, { recursive: true, force: true })
          const given = ['import', '--all', '--dry-run', '--managed-save', 'move', ...from]
          const { stdout, exitCode } = await here.stasis(...given)
          assert.equal(exitCode, 0)
          assert.match(
            stdout,
            /Domain 'traveller' would be imported with its UEFI variable store, its managed save \(moved\), autostart/,
          )
          assert.deepEqual(await readdir(stateDir).catch(() => []), [])
          assert.ok(existsSync(save))
        })

        await t.test('a disk that was written to since the save is found out', async () => {
          const copy = ['import', name, '--managed-save', 'copy', ...from]
          const { exitCode, stderr, stdout } = await here.stasis(...copy)
          assert.equal(exitCode, 0, stderr)
          assert.match(stdout, /its managed save \(copied\)/)
          assert.match(stderr, /virsh managedsave-remove traveller/)
          await copyFile(join(stateDir, 'save/traveller.save'), remains)
          await appendFile(here.disk, Buffer.alloc(512))
          const started = await here.stasis('start', name)
          assert.equal(started.exitCode, 5)
          assert.match(started.stderr, /is older than its disks/)
          await writeFile(here.disk, await readFile(guestPaths().tinyDisk))
          const again = await here.stasis(
            'import',
            name,
            '--managed-save',
            'copy',
            '--replace',
            ...from,
          )
          assert.equal(again.exitCode, 3)
          assert.match(again.stderr, /has a managed save, so it cannot be imported/)
          assert.equal(
            (await here.stasis('undefine', name, '--managed-save', '--nvram')).exitCode,
            0,
          )
          await rm(join(stateDir, 'nvram'), { recursive: true, force: true })
          // The managed save of libvirt is too old now, and libvirt would not notice.
          const later = new Date(Date.now() + 60_000)
          await utimes(here.disk, later, later)
          const stale = await here.stasis(...copy)
          assert.equal(stale.exitCode, 5)
          assert.match(stale.stderr, /save is older than its disks: its disk vda/)
          assert.deepEqual(await readdir(join(stateDir, 'domains')), [])
          await utimes(here.disk, saved, saved)
        })

        await t.test('it comes with definition, variable store, autostart and memory', async () => {
          // An import that was killed before the domain was defined has left the copy.
          await copyFile(remains, join(stateDir, 'save/traveller.save'))
          const { exitCode, stderr } = await here.stasis(
            'import',
            name,
            '--managed-save',
            'move',
            ...from,
          )
          assert.equal(exitCode, 0, stderr)
          assert.equal(existsSync(save), false)
          assert.deepEqual(await readFile(definition), theirs, 'their definition is as it was')
          assert.ok(existsSync(store))
          const info = await domainInfo(name, { stateDir })
          assert.deepEqual([info.autostart, info.managedSave], [true, true])
          assert.equal(info.uuid, (await bed.virsh('domuuid', name)).trim())
          const ours = join(stateDir, 'nvram/traveller_VARS.fd')
          assert.match(await dumpDomainXml(name, { stateDir }), new RegExp(`>${ours}</nvram>`))
          assert.deepEqual(await readFile(ours), await readFile(store))
          assert.match(
            (await here.stasis('domstate', name, '--reason')).stdout,
            /^shut off \(saved\)/,
          )
          const started = await here.stasis('start', name)
          assert.equal(started.exitCode, 0, started.stderr)
          assert.match(started.stdout, /started from its managed save/)
          await log.advance(2)
          await log.assertUnbroken()
          assert.ok((await linesOf(dir.join('serial'))) > lines)
        })

        await t.test('a domain that is here already is not replaced', async () => {
          const again = await here.stasis('import', name, ...from)
          assert.equal(again.exitCode, 3, again.stderr)
          assert.match(again.stderr, /Domain 'traveller' is already running/)
          const { exitCode, stderr } = await here.stasis('export', name, '--to-libvirt', ...from)
          assert.equal(exitCode, 3)
          assert.match(stderr, /Domain 'traveller' is already running/)
        })

        await managedSaveDomain(name, { stateDir })

        await t.test('nothing of libvirt is overwritten unless a person says so', async () => {
          const give = ['export', name, '--to-libvirt', '--managed-save', 'move', ...from]
          const refused = await here.stasis(...give)
          assert.equal(refused.exitCode, 7)
          assert.match(refused.stderr, /traveller.* exists already/)
          await writeFile(save, 'a guest that was saved')
          const kept = await here.stasis(...give, '--replace')
          assert.equal(kept.exitCode, 7)
          assert.match(kept.stderr, /save\/traveller\.save exists already/)
          assert.equal(await readFile(save, 'utf8'), 'a guest that was saved')
          await rm(save)
          assert.deepEqual(await readFile(definition), theirs)
          assert.equal((await domainInfo(name, { stateDir })).managedSave, true)
        })

        await t.test('it goes back with its memory, and virsh starts it', async () => {
          await bed.virsh('undefine', '--nvram', name)
          const give = ['export', name, '--to-libvirt', '--managed-save', 'move', ...from]
          const dry = await here.stasis(...give, '--dry-run')
          assert.match(
            dry.stdout,
            /^Domain 'traveller' would be exported:\n {2}.*traveller\.save$/m,
          )
          assert.equal(existsSync(definition), false)
          const { exitCode, stderr, stdout } = await here.stasis(...give)
          assert.equal(exitCode, 0, stderr)
          for (const path of [save, store, definition])
            assert.ok(stdout.includes(`  ${path}\n`), path)
          assert.match(stderr, /`virsh define \/etc\/libvirt\/qemu\/traveller\.xml`/)
          const link = their('etc/libvirt/qemu/autostart/traveller.xml')
          assert.ok((await lstat(link)).isSymbolicLink())
          assert.equal(await readlink(link), '/etc/libvirt/qemu/traveller.xml')
          assert.equal((await domainInfo(name, { stateDir })).managedSave, false)
          await bed.virsh('define', '/etc/libvirt/qemu/traveller.xml')
          assert.match(
            await bed.virsh('list', '--all', '--managed-save'),
            /traveller +(saved|shut off)/,
          )
          assert.match(
            await bed.virsh('dumpxml', name),
            /<nvram[^>]*>\/var\/lib\/libvirt\/qemu\/nvram\/traveller_VARS\.fd<\/nvram>/,
          )
          await bed.virsh('start', name)
          await log.advance(2)
          await log.assertUnbroken()
        })

        await t.test('virsh is asked where its files cannot be read', async () => {
          await bed.virsh('destroy', name)
          const bin = dir.join('bin')
          await mkdir(bin)
          const script = join(import.meta.dirname, '../../scripts/libvirt-bed')
          await writeFile(
            join(bin, 'virsh'),
            `#!/bin/sh\nexec env -u STASIS_STATE_DIR PATH=/usr/sbin:/usr/bin:/sbin:/bin STASIS_CACHE='${cacheDir}' sh '${script}' ${version} virsh "$@"\n`,
            { mode: 0o755 },
          )
          const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` }
          const other = dir.join('other')
          const ask = (...args: readonly string[]) =>
            stasisWith({ stateDir: other, env }, 'import', '--via-virsh', ...from, ...args)
          const { exitCode, stderr, stdout } = await ask(name)
          assert.equal(exitCode, 0, stderr)
          assert.match(stdout, /Domain 'traveller' imported with its UEFI variable store/)
          assert.equal(
            (await ask('--all')).stdout,
            "Domain 'traveller' is here already, as libvirt defines it\n",
          )
          const missing = await ask('nobody')
          assert.equal(missing.exitCode, 3)
          assert.match(missing.stderr, /libvirt defines no domain 'nobody'/)
          await bed.virsh('start', name, '--paused')
          const running = await ask('--replace', name)
          assert.match(running.stderr, /Domain 'traveller' runs: virsh says that it is paused/)
          await bed.virsh('destroy', name)
        })
      } finally {
        await destroyDomain(name, { stateDir }).catch(() => undefined)
        await bed.virsh('destroy', name).catch(() => undefined)
        await forget(bed, root)
      }
    },
  )
}

async function linesOf(path: string): Promise<number> {
  return (await readFile(path, 'latin1')).split('\n').length
}
