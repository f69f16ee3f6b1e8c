import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  copyFile,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { describe, test } from 'node:test'
import { inspect, promisify } from 'node:util'
import {
  checkSave,
  defineDomain,
  destroyDomain,
  domainInfo,
  managedSaveDomain,
  removeManagedSave,
  restoreDomain,
  saveDomain,
  startDomain,
  undefineDomain,
} from '../../src/index.ts'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { oldestQemu } from '../support/qemus.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

interface Pair extends AsyncDisposable {
  readonly dir: TempDir
  readonly stateDir: string
  readonly logs: { readonly a: CounterLog; readonly b: CounterLog }
  readonly start: (name: 'a' | 'b') => Promise<void>
}

/** Two domains, `a` and `b`, each with its own disk. */
async function pair(emulator: string, disk = 'raw'): Promise<Pair> {
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const { tinyDisk } = guestPaths()
  for (const name of ['a', 'b'] as const) {
    await copyFile(tinyDisk, dir.join(`${name}.img`))
    const serial = { type: 'file', path: dir.join(`${name}.log`) } as const
    let diskPath = dir.join(`${name}.img`)
    if (disk === 'qcow2' && name === 'a') {
      diskPath = dir.join('a.qcow2')
      const argv = ['create', '-q', '-f', 'qcow2', '-b', 'a.img', '-F', 'raw', diskPath]
      await promisify(execFile)('qemu-img', argv, { cwd: dir.path })
    }
    const xml = domainXml({ name, guest: 'tiny', emulator, serial, diskPath })
    const typed = diskPath.endsWith('qcow2') ? xml.replace("type='raw'", "type='qcow2'") : xml
    await defineDomain(typed, { stateDir })
  }
  const logs = { a: new CounterLog(dir.join('a.log')), b: new CounterLog(dir.join('b.log')) }
  return {
    dir,
    stateDir,
    logs,
    start: async (name) => {
      await startDomain(name, { stateDir })
      await logs[name].advance(2)
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const name of ['a', 'b']) await destroyDomain(name, { stateDir }).catch(() => undefined)
      await dir[Symbol.asyncDispose]()
    },
  }
}

for (const { label, emulator } of oldestQemu()) {
  describe(`the files that a guest needs, on QEMU ${label}`, () => {
    test('no save replaces a file under a qcow2 disk', { timeout: 60_000 }, async () => {
      await using guests = await pair(emulator, 'qcow2')
      const { dir, stateDir } = guests
      const before = await readFile(dir.join('a.img'))
      const refused = { code: 'BAD_ARGUMENT', message: /domain 'a'/ }
      // While it runs, and while it is only defined.
      await guests.start('b')
      await assert.rejects(saveDomain('b', dir.join('a.img'), { stateDir }), refused)
      await guests.start('a')
      await assert.rejects(saveDomain('a', dir.join('a.img'), { stateDir }), refused)
      const { obstacles } = await checkSave('a', dir.join('a.img'), { stateDir })
      assert.match(obstacles[0] ?? '', /a\.img cannot be replaced/)
      assert.ok(before.equals(await readFile(dir.join('a.img'))))
      await guests.logs.a.advance(1)
    })

    test("no save replaces another domain's only state", { timeout: 60_000 }, async () => {
      await using guests = await pair(emulator)
      const { dir, stateDir } = guests
      const image = dir.join('vm.sav')
      const refused = { code: 'BAD_ARGUMENT', message: /last state of domain 'a'/ }
      await guests.start('a')
      await saveDomain('a', image, { stateDir })
      await guests.start('b')
      await assert.rejects(saveDomain('b', image, { stateDir }), refused)
      await saveDomain('b', dir.join('b.sav'), { stateDir })
      await assert.rejects(convertImage(dir.join('b.sav'), image, { stateDir }), refused)
      await restoreDomain(image, { stateDir })
      // Its own older state may be replaced.
      await saveDomain('a', image, { stateDir })
      await restoreDomain(image, { stateDir })
      await guests.logs.a.advance(1)
    })

    test('no save or conversion replaces the image of a guest without a definition', async () => {
      await using guests = await pair(emulator)
      const { dir, stateDir } = guests
      const image = dir.join('vm.sav')
      const refused = { code: 'FILE_EXISTS', message: /holds the saved guest 'a'/ }
      await guests.start('a')
      await undefineDomain('a', { stateDir })
      await saveDomain('a', image, { stateDir })
      await guests.start('b')
      await assert.rejects(saveDomain('b', image, { stateDir }), refused)
      const { obstacles } = await checkSave('b', image, { stateDir })
      assert.match(obstacles[0] ?? '', refused.message)
      await saveDomain('b', dir.join('b.sav'), { stateDir })
      await assert.rejects(convertImage(dir.join('b.sav'), image, { stateDir }), refused)
      await restoreDomain(image, { stateDir })
      await guests.logs.a.advance(1)
      // The guest has left this image.
      await convertImage(dir.join('b.sav'), image, { stateDir })
    })

    test('no save writes where Stasis keeps its own files', { timeout: 60_000 }, async () => {
      await using guests = await pair(emulator)
      const { dir, stateDir } = guests
      await guests.start('a')
      await managedSaveDomain('a', { stateDir })
      await guests.start('b')
      const places = [
        `${stateDir}/save/a.save`,
        `${stateDir}/save/new`,
        `${stateDir}/domains/a.xml`,
      ]
      await symlink(`${stateDir}/save/a.save`, dir.join('link'))
      for (const place of [...places, dir.join('link')]) {
        await assert.rejects(saveDomain('b', place, { stateDir }), { code: 'BAD_ARGUMENT' })
        assert.notDeepEqual((await checkSave('b', place, { stateDir })).obstacles, [])
      }
      await guests.start('a')
    })

    test(
      'a managed save of another domain is neither started nor removed',
      { timeout: 60_000 },
      async () => {
        await using guests = await pair(emulator)
        const { dir, stateDir } = guests
        await guests.start('b')
        await saveDomain('b', dir.join('b.sav'), { stateDir })
        await mkdir(`${stateDir}/save`, { recursive: true })
        await copyFile(dir.join('b.sav'), `${stateDir}/save/a.save`)
        const foreign = { code: 'IMAGE_INCOMPATIBLE', message: /holds domain 'b'/ }
        await assert.rejects(startDomain('a', { stateDir }), (error: Error) => {
          assert.match(String((error.cause as Error).message), foreign.message)
          assert.doesNotMatch(inspect(error), /force-boot/)
          return true
        })
        // Nor is it removed with the domain.
        await assert.rejects(startDomain('a', { stateDir, forceBoot: true }), foreign)
        await assert.rejects(removeManagedSave('a', { stateDir }), foreign)
        await assert.rejects(undefineDomain('a', { stateDir, managedSave: true }), foreign)
        await stat(`${stateDir}/save/a.save`)
        for (const name of ['a', 'b'])
          assert.equal((await domainInfo(name, { stateDir })).state, 'shut off')
      },
    )

    test(
      'a disk that was removed or replaced is found before the guest stops',
      { timeout: 60_000 },
      async () => {
        await using guests = await pair(emulator)
        const { dir, stateDir, logs } = guests
        await guests.start('a')
        const save = (): Promise<unknown> => saveDomain('a', dir.join('a.sav'), { stateDir })
        await rename(dir.join('a.img'), dir.join('aside'))
        await assert.rejects(save(), { code: 'DOMAIN_WRONG_STATE', message: /a\.img was removed/ })
        await copyFile(dir.join('aside'), dir.join('a.img'))
        await assert.rejects(save(), {
          code: 'DOMAIN_WRONG_STATE',
          message: /a\.img is no longer the file/,
        })
        assert.match(
          (await checkSave('a', undefined, { stateDir })).obstacles.join(),
          /is no longer the file/,
        )
        await logs.a.advance(1)
        await rename(dir.join('aside'), dir.join('a.img'))
        await save()
        await restoreDomain(dir.join('a.sav'), { stateDir })
      },
    )

    test('an image is written where a symbolic link points', { timeout: 60_000 }, async () => {
      await using guests = await pair(emulator)
      const { dir, stateDir } = guests
      await mkdir(dir.join('big'))
      // Empty: another file that is not an image is not replaced.
      await writeFile(dir.join('big', 'old'), '')
      await symlink('big/new', dir.join('dangling'))
      await symlink('big/old', dir.join('standing'))
      for (const name of ['dangling', 'standing']) {
        await guests.start('a')
        await saveDomain('a', dir.join(name), { stateDir })
        const target = await readlink(dir.join(name))
        assert.ok((await stat(dir.join(target))).size > 65536)
        assert.equal((await domainInfo('a', { stateDir })).state, 'shut off')
        await restoreDomain(dir.join(name), { stateDir })
        await destroyDomain('a', { stateDir })
        await rm(dir.join(target))
      }
      assert.deepEqual(await readdir(dir.join('big')), [])
    })
  })
}
