import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  copyFile,
  lstat,
  mkdir,
  readFile,
  readdir,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  type RestoreOptions,
  type SaveOptions,
  defineDomain,
  destroyDomain,
  dumpDomainXml,
  managedSaveDomain,
  resetDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { mayWatchPageFaults } from '../../src/qemu/host-facts.ts'
import { systemUser } from '../../src/qemu/process/system-user.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { type TestQemu, newestQemu, qemus } from '../support/qemus.ts'
import { type TestUser, makeQemuUser, noUsers } from '../support/system-user.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const skip = noUsers
let user: TestUser | undefined

before(() => {
  if (skip === false) user = makeQemuUser()
})
after(() => user?.[Symbol.dispose]())

/** A guest whose files only root can read: a disk with a backing file, a CD-ROM, a variable store, a log. */
interface Bed extends AsyncDisposable {
  readonly dir: TempDir
  readonly stateDir: string
  readonly name: string
  readonly log: CounterLog
  /** Asserts that nobody changed the owner or the mode of a file. */
  assertUntouched(): Promise<void>
}

const FILES = ['base.img', 'disk.qcow2', 'cd.iso', 'nvram.fd', 'serial']

async function bed({ emulator }: TestQemu): Promise<Bed> {
  const dir = await tempDir()
  const stateDir = dir.join('state')
  // As `save-and-die.ts` expects.
  const name = 'tiny'
  await copyFile(guestPaths().tinyDisk, dir.join('base.img'))
  const backing = ['-b', dir.join('base.img'), '-F', 'raw']
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, dir.join('disk.qcow2')])
  for (const file of ['cd.iso', 'nvram.fd', 'serial']) await writeFile(dir.join(file), '')
  await truncate(dir.join('cd.iso'), 1024 * 1024)
  await truncate(dir.join('nvram.fd'), 128 * 1024)
  for (const file of FILES) execFileSync('chmod', ['600', dir.join(file)])
  const serial = { type: 'file', path: dir.join('serial') } as const
  const firmware = '/usr/share/seabios/bios-256k.bin'
  const xml = domainXml({ name, guest: 'tiny', emulator, serial, diskPath: dir.join('disk.qcow2') })
    .replace("type='raw'", "type='qcow2'")
    .replace('<on_reboot>destroy', '<on_reboot>restart')
    .replace(
      "<boot dev='hd'/>",
      `<loader readonly='yes' type='pflash'>${firmware}</loader><nvram>${dir.join('nvram.fd')}</nvram><boot dev='hd'/>`,
    )
    .replace(
      '<controller',
      `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${dir.join('cd.iso')}'/><target dev='sda' bus='sata'/><readonly/></disk><controller`,
    )
  await defineDomain(xml, { stateDir })
  return {
    dir,
    stateDir,
    name,
    log: new CounterLog(serial.path),
    async assertUntouched() {
      for (const file of FILES) {
        const { uid, gid, mode } = await stat(dir.join(file))
        assert.deepEqual([file, uid, gid, mode & 0o777], [file, 0, 0, 0o600])
      }
    },
    async [Symbol.asyncDispose]() {
      await destroyDomain(name, { stateDir }).catch(() => undefined)
      await dir[Symbol.asyncDispose]()
    },
  }
}

async function assertConfined(pid: number | undefined, uid: number): Promise<void> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1')
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? ''
  assert.equal(field('Uid'), Array.from({ length: 4 }, () => uid).join('\t'))
  assert.doesNotMatch(field('Groups'), /\b0\b/)
  for (const set of ['CapPrm', 'CapEff', 'CapInh', 'CapAmb']) assert.match(field(set), /^0+$/, set)
  assert.equal(field('Seccomp'), '2')
  assert.equal(field('NoNewPrivs'), '1')
}

for (const qemu of newestQemu()) {
  test(
    `a guest whose files only root can read runs, is saved and comes back as another user [${qemu.label}]`,
    { skip },
    async () => {
      await using guest = await bed(qemu)
      const { dir, stateDir, name, log } = guest
      const { uid = 0 } = user ?? {}
      const { id } = await startDomain(name, { stateDir })
      await assertConfined(id, uid)
      await log.advance(2)
      const variants: readonly SaveOptions[] = [
        { format: 'stasis' },
        { format: 'stasis', compression: 'none' },
        { format: 'channels', channels: 2 },
        { format: 'raw' },
        { format: 'gzip' },
        ...(qemu.major >= 9
          ? [{ format: 'sparse' } as const, { format: 'sparse', bypassCache: true } as const]
          : []),
      ]
      for (const variant of variants) {
        for (const mode of ['load', 'map'] as const) {
          const image = dir.join('image')
          const what = `${JSON.stringify(variant)} ${mode}`
          await saveDomain(name, image, { stateDir, ...variant })
          const warnings: string[] = []
          const options: RestoreOptions = { stateDir, onWarning: (text) => warnings.push(text) }
          const restored = await restoreDomain(image, { ...options, mode }).catch(
            (error: Error) => {
              assert.match(error.message, /mapped/, what)
              return restoreDomain(image, options)
            },
          )
          assert.deepEqual(warnings, [], what)
          await assertConfined(restored.id, uid)
          await log.advance(1)
        }
      }
      await managedSaveDomain(name, { stateDir })
      const { id: resumed } = await startDomain(name, { stateDir })
      await assertConfined(resumed, uid)
      await log.advance(1)
      await guest.assertUntouched()
      await log.assertUnbroken()
    },
  )
}

for (const qemu of newestQemu()) {
  test(
    `a guest of another user is reset, cloned, and continues after a killed save [${qemu.label}]`,
    { skip },
    async () => {
      await using guest = await bed(qemu)
      const { dir, stateDir, name, log } = guest
      const { uid = 0 } = user ?? {}
      const image = dir.join('image')
      await startDomain(name, { stateDir })
      await log.advance(1)
      const script = join(import.meta.dirname, '../support/save-and-die.ts')
      const env = { ...process.env, STASIS_TEST_WATCHER: '1' }
      const args = [script, stateDir, image, 'stopping']
      assert.equal(spawnSync(process.execPath, args, { env }).signal, 'SIGKILL')
      await log.advance(1)
      await saveDomain(name, image, { stateDir })
      await mkdir(dir.join('overlays'))
      const clone = { name: 'copy', diskOverlay: dir.join('overlays') }
      const copy = await restoreDomain(image, { stateDir, clone })
      await assertConfined(copy.id, uid)
      await destroyDomain('copy', { stateDir })
      const { id } = await restoreDomain(image, { stateDir })
      await assertConfined(id, uid)
      await log.advance(1)
      await resetDomain(name, { stateDir })
      await log.advance(1)
      await assertConfined(id, uid)
      await guest.assertUntouched()
      assert.deepEqual(await ownersBelow(dir.join('state'), dir.join('overlays')), [0])
    },
  )
}

/** The owners of all files, but for the directory that belongs to QEMU. */
async function ownersBelow(...directories: readonly string[]): Promise<readonly number[]> {
  const owners = new Set<number>()
  for (const directory of directories)
    for (const path of await readdir(directory, { recursive: true })) {
      const parts = path.split('/')
      if (!parts.includes('q')) owners.add((await lstat(join(directory, path))).uid)
    }
  return [...owners]
}

test(
  'a lazy restore that was asked for keeps a QEMU root that needs it, and says so',
  { skip },
  async () => {
    const [qemu] = qemus()
    if (qemu === undefined || qemu.major >= 9) return
    await using guest = await bed(qemu)
    const { dir, stateDir, name, log } = guest
    await startDomain(name, { stateDir })
    await log.advance(1)
    await saveDomain(name, dir.join('image'), { stateDir })
    const warnings: string[] = []
    const onWarning = (text: string): void => void warnings.push(text)
    const { id } = await restoreDomain(dir.join('image'), {
      ...({ stateDir, mode: 'lazy', wait: 'memory', onWarning } as const),
    })
    if (
      await mayWatchPageFaults(await systemUser(user?.name ?? ''), { major: 7, minor: 2, micro: 0 })
    )
      return await assertConfined(id, user?.uid ?? 0)
    assert.match(await readFile(`/proc/${id}/status`, 'latin1'), /^Uid:\t0\t/m)
    assert.match(warnings.join(), /runs as root: for a lazy restore/)
    await log.advance(1)
  },
)

test(
  'QEMU removes its sockets as root did, also those that another path names',
  { skip },
  async () => {
    for (const qemu of newestQemu()) {
      await using guest = await bed(qemu)
      const { dir, stateDir, name } = guest
      const socket = dir.join('vnc.sock')
      const definition = await dumpDomainXml(name, { stateDir })
      const vnc = `<graphics type='vnc' socket='${socket}'/>`
      await defineDomain(definition.replace('</devices>', `${vnc}</devices>`), { stateDir })
      await startDomain(name, { stateDir, paused: true })
      assert.ok((await lstat(socket)).isSocket())
      await destroyDomain(name, { stateDir })
      await assert.rejects(lstat(socket), { code: 'ENOENT' })
    }
  },
)

for (const qemu of newestQemu()) {
  test(
    `a guest that locks its memory runs, as another user where the host allows that [${qemu.label}]`,
    { skip },
    async () => {
      await using guest = await bed(qemu)
      const { dir, stateDir, name, log } = guest
      const definition = await dumpDomainXml(name, { stateDir })
      const locked = '<memoryBacking><locked/></memoryBacking><os>'
      await defineDomain(definition.replace('<os>', locked), { stateDir })
      const warnings: string[] = []
      const onWarning = (text: string): void => void warnings.push(text)
      const assertLocked = async (id: number | undefined): Promise<void> => {
        const status = await readFile(`/proc/${id}/status`, 'latin1')
        const kib = Number(/^VmLck:\s*(\d+)/m.exec(status)?.[1])
        assert.ok(kib > 16 * 1024, `${kib} KiB are locked`)
        if (warnings.length === 0) await assertConfined(id, user?.uid ?? 0)
        else assert.match(warnings.join(), /^QEMU runs as root: it locks/)
      }
      await assertLocked((await startDomain(name, { stateDir, onWarning })).id)
      await log.advance(1)
      await saveDomain(name, dir.join('image'), { stateDir })
      await assertLocked((await restoreDomain(dir.join('image'), { stateDir, onWarning })).id)
      await log.advance(1)
    },
  )
}
