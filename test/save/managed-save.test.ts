import assert from 'node:assert/strict'
import { access, readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  defineDomain,
  defineManagedSave,
  destroyDomain,
  domainInfo,
  dumpManagedSaveXml,
  listDomains,
  managedSaveDomain,
  removeManagedSave,
  restoreDomain,
  resumeDomain,
  saveDomain,
  startDomain,
  undefineDomain,
} from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { findPageServer, pathsOf } from '../support/page-server.ts'
import { isLongRun, newestQemu, qemus } from '../support/qemus.ts'
import { startStasis, stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

for (const { label, emulator } of newestQemu()) {
  test(
    `the next start resumes from a managed save on QEMU ${label}`,
    { timeout: 120_000 },
    async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, log } = tiny
      const image = join(stateDir, 'save/tiny.save')
      const says = async (line: string): Promise<string> => {
        const { stdout, stderr, exitCode } = await stasis(stateDir, ...line.split(' '))
        assert.equal(exitCode, 0, stderr)
        return stdout
      }
      await log.advance(2)
      assert.match(await says('dominfo tiny'), /^Managed save: +no$/m)
      assert.match(
        await says('managedsave tiny --parallel-connections 3 --parallel-compression zstd'),
        /^Domain 'tiny' state saved by Stasis\n.* of memory in .* on disk\n$/,
      )
      assert.equal((await stat(image)).mode & 0o777, 0o600)
      assert.match(await says('dominfo tiny'), /^Managed save: +yes$/m)
      assert.match(await says('list --all --managed-save'), /^ -    tiny   saved$/m)
      assert.match(await says('list --all'), /^ -    tiny   shut off$/m)
      assert.equal(await says('list --all --name --with-managed-save'), 'tiny\n')
      assert.equal((await says('list --all --name --without-managed-save')).trim(), '')
      assert.match(await says('managedsave-dumpxml tiny'), /<name>tiny<\/name>/)
      assert.match(await says('start tiny'), /^Domain 'tiny' started from its managed save\n/)
      await log.advance(2)
      await assert.rejects(access(image))
      assert.match(await says('dominfo tiny'), /^Managed save: +no$/m)
      await log.assertUnbroken()

      await managedSaveDomain('tiny', { stateDir, format: 'raw' })
      assert.equal(
        (await startDomain('tiny', { stateDir, paused: true })).restored?.state,
        'paused',
      )
      assert.equal((await domainInfo('tiny', { stateDir })).state, 'paused')
      // A guest that has not run still exists only in its image.
      await access(image)
      await destroyDomain('tiny', { stateDir })
      await startDomain('tiny', { stateDir, paused: true })
      await resumeDomain('tiny', { stateDir })
      await assert.rejects(access(image))
      await log.advance(2)
      await log.assertUnbroken()
      await managedSaveDomain('tiny', { stateDir })
      assert.equal(
        await says('managedsave-remove tiny'),
        "Removed managedsave image for domain 'tiny'\n",
      )
      assert.deepEqual(await readdir(join(stateDir, 'save')), [])
    },
  )
}

test('operations that would separate a managed save from its domain are refused', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, xml, dir, log } = tiny
  await log.advance(1)
  await saveDomain('tiny', dir.join('file'), { stateDir })
  await startDomain('tiny', { stateDir })
  await managedSaveDomain('tiny', { stateDir })
  const stands = { code: 'DOMAIN_HAS_MANAGED_SAVE' }
  const changed = xml.replace('<on_crash>destroy', '<on_crash>preserve')
  await assert.rejects(undefineDomain('tiny', { stateDir }), stands)
  await assert.rejects(defineDomain(changed, { stateDir }), stands)
  await assert.rejects(restoreDomain(dir.join('file'), { stateDir }), stands)
  await defineDomain(xml, { stateDir })
  await defineDomain(changed, { stateDir, removeManagedSave: true })
  assert.deepEqual(await removeManagedSave('tiny', { stateDir }), { name: 'tiny', removed: false })
  await startDomain('tiny', { stateDir })
  await managedSaveDomain('tiny', { stateDir })
  await startDomain('tiny', { stateDir, forceBoot: true })
  assert.equal((await domainInfo('tiny', { stateDir })).managedSave, false)
  await managedSaveDomain('tiny', { stateDir })
  await undefineDomain('tiny', { stateDir, managedSave: true })
  assert.deepEqual(await listDomains({ stateDir, all: true }), [])
  assert.deepEqual(await readdir(join(stateDir, 'save')), [])
})

test('a transient domain has no managed save', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir } = tiny
  await undefineDomain('tiny', { stateDir })
  await assert.rejects(managedSaveDomain('tiny', { stateDir }), { code: 'DOMAIN_WRONG_STATE' })
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
})

test('a damaged managed save is kept, and the guest is not booted without it', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log } = tiny
  await log.advance(1)
  const { image } = await managedSaveDomain('tiny', { stateDir })
  const good = await readFile(image.path)
  for (const at of [3, 100, good.length - 30]) {
    const bad = Buffer.from(good)
    bad[at] = (bad[at] ?? 0) ^ 0xff
    await writeFile(image.path, bad)
    await assert.rejects(
      startDomain('tiny', { stateDir }),
      /from its managed save, which is kept/,
      `byte ${at}`,
    )
    assert.deepEqual(await readFile(image.path), bad)
    assert.equal((await domainInfo('tiny', { stateDir })).state, 'shut off')
  }
  await writeFile(image.path, good)
  await startDomain('tiny', { stateDir })
  await log.advance(1)
  await log.assertUnbroken()
})

test('an image whose disks have changed is refused without --force', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const emulator = qemus()[0]?.emulator ?? ''
  const serial = { type: 'file', path: dir.join('serial') } as const
  const diskPath = dir.join('disk')
  await writeFile(diskPath, Buffer.alloc(1 << 20))
  const xml = domainXml({ name: 'disk', guest: 'linux', emulator, serial, diskPath })
  await defineDomain(xml, { stateDir })
  await startDomain('disk', { stateDir })
  try {
    const file = dir.join('file')
    await saveDomain('disk', file, { stateDir })
    for (let round = 0; round < 2; round++) {
      // As long as nobody writes to the disk, going back is safe.
      await restoreDomain(file, { stateDir })
      await destroyDomain('disk', { stateDir })
    }
    await utimes(diskPath, new Date(), new Date())
    await assert.rejects(restoreDomain(file, { stateDir }), {
      code: 'IMAGE_STALE',
      message: /was already restored, at .* older than its disks: its disk vda .* was written to/,
    })
    await restoreDomain(file, { stateDir, force: true })
    await managedSaveDomain('disk', { stateDir })
    await utimes(diskPath, new Date(), new Date())
    await assert.rejects(startDomain('disk', { stateDir }), { code: 'IMAGE_STALE' })
    await startDomain('disk', { stateDir, force: true })
  } finally {
    await destroyDomain('disk', { stateDir }).catch(() => undefined)
  }
})

test(
  'a managed save killed at any moment leaves one newest state',
  { timeout: 300_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, log } = tiny
    for (const ms of [250, 330, 400, 450, 500, 550, 600, 700]) {
      await log.advance(1)
      const { child, ended } = startStasis(stateDir, ['managedsave', 'tiny'])
      setTimeout(() => child.kill('SIGKILL'), ms)
      await ended
      const info = await domainInfo('tiny', { stateDir })
      if (info.id === undefined) {
        assert.equal(info.managedSave, true, `parked after ${ms} ms`)
        await startDomain('tiny', { stateDir })
      } else {
        assert.equal(info.managedSave, false, `not parked after ${ms} ms`)
        if (info.state === 'paused') await resumeDomain('tiny', { stateDir })
      }
      const left = await readdir(join(stateDir, 'save')).catch(() => [])
      assert.deepEqual(
        left.filter((name) => !name.endsWith('.partial')),
        [],
      )
    }
    await log.advance(2)
    await log.assertUnbroken()
  },
)

test('the XML in a managed save can be changed if the guest does not see a difference', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  await log.advance(1)
  const { image } = await managedSaveDomain('tiny', { stateDir })
  const old = await dumpManagedSaveXml('tiny', { stateDir })
  const other = old.replace('<on_crash>destroy', '<on_crash>preserve')
  await writeFile(dir.join('new.xml'), other)
  const done = await stasis(stateDir, 'managedsave-define', 'tiny', dir.join('new.xml'))
  assert.equal(done.stdout, "Managed save state file of domain 'tiny' updated.\n", done.stderr)
  assert.match(await dumpManagedSaveXml('tiny', { stateDir }), /<on_crash>preserve/)
  assert.equal((await stat(image.path)).mode & 0o777, 0o600)
  const more = { text: old.replace(/16384/g, '32768') }
  await assert.rejects(defineManagedSave('tiny', more, { stateDir }), {
    code: 'IMAGE_INCOMPATIBLE',
  })
  process.env['EDITOR'] = "sed -i 's/<on_crash>preserve/<on_crash>destroy/'"
  const edited = await stasis(stateDir, 'managedsave-edit', 'tiny')
  assert.equal(edited.stdout, "Managed save state file of domain 'tiny' edited.\n", edited.stderr)
  const unchanged = await stasis(stateDir, 'managedsave-edit', 'tiny')
  assert.equal(unchanged.stdout, 'The XML was not changed\n', unchanged.stderr)
  await startDomain('tiny', { stateDir })
  await log.advance(2)
  await log.assertUnbroken()
})

for (const { label, emulator } of newestQemu()) {
  test(
    `a managed save on QEMU ${label} is restored lazily, and is kept while memory is loaded from it`,
    { timeout: 180_000, skip: !isLongRun() && 'long run only' },
    async () => {
      await using domain = await startLinuxDomain({ emulator, memoryMib: 256 })
      const { name, stateDir } = domain
      {
        await using console = await domain.console()
        await console.ask('fill 80', /^FILLED (\w+)/)
      }
      await managedSaveDomain(name, { stateDir })
      const image = join(stateDir, `save/${name}.save`)
      const { server } = await (async () => {
        const { stdout, stderr } = await stasis(stateDir, 'start', name, '--mode', 'lazy')
        assert.equal(
          stdout.split('\n')[0],
          `Domain '${name}' started from its managed save`,
          stderr,
        )
        return findPageServer(pathsOf(domain))
      })()
      process.kill(server, 'SIGSTOP')
      try {
        await access(image)
        assert.equal((await domainInfo(name, { stateDir })).managedSave, false)
        await assert.rejects(removeManagedSave(name, { stateDir }), {
          code: 'DOMAIN_WRONG_STATE',
          message: /still loads memory from it/,
        })
      } finally {
        process.kill(server, 'SIGCONT')
      }
      {
        await using console = await domain.console()
        const [, sum] = await console.ask('sum', /^SUM (\w+)/)
        assert.equal(sum, computeFillSum(80))
      }
      await waitForAllMemory(name, pathsOf(domain), undefined)
      assert.equal((await domainInfo(name, { stateDir })).managedSave, false)
      await assert.rejects(access(image), 'who looks next removes it')
      await managedSaveDomain(name, { stateDir })
      await startDomain(name, { stateDir })
    },
  )
}

test('a managed save in the format channels is removed with all its files', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log } = tiny
  const save = join(stateDir, 'save')
  const names = async (): Promise<readonly string[]> => (await readdir(save)).toSorted()
  await log.advance(1)
  await managedSaveDomain('tiny', { stateDir, format: 'channels', channels: 2 })
  assert.deepEqual(await names(), ['tiny.save', 'tiny.save.1', 'tiny.save.2'])
  await startDomain('tiny', { stateDir })
  assert.deepEqual(await names(), [])
  await log.advance(1)
  await managedSaveDomain('tiny', { stateDir, format: 'channels', channels: 2 })
  await removeManagedSave('tiny', { stateDir })
  assert.deepEqual(await names(), [])
  // The process that removed it was killed after the first file.
  for (const name of ['tiny.save.1', 'tiny.save.2', '.tiny.save.4999999-1.partial', 'other.save'])
    await writeFile(join(save, name), 'x')
  await startDomain('tiny', { stateDir })
  assert.deepEqual(await names(), ['other.save'])
})
