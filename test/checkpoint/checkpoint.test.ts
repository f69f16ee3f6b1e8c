import assert from 'node:assert/strict'
import { open, readFile, readdir, rm } from 'node:fs/promises'
import { describe, test } from 'node:test'
import {
  createCheckpoint,
  deleteCheckpoint,
  destroyDomain,
  dumpDomainXml,
  listCheckpoints,
  restoreDomain,
  revertToCheckpoint,
  startDomain,
  undefineDomain,
} from '../../src/index.ts'
import { type LinuxDomain, startLinuxDomain } from '../support/linux-domain.ts'
import { newestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

async function makeDisk(path: string): Promise<void> {
  await using file = await open(path, 'w')
  await file.truncate(4 * 1024 * 1024)
}

/** The next tick of the guest, which it has written to its disk before. */
async function tick(linux: LinuxDomain): Promise<number> {
  await using console = await linux.console()
  await console.waitForLine(/^TICK/)
  const [, number] = await console.waitForLine(/^TICK (\d+)$/)
  return Number(number)
}

/** The file that the definition names for the disk. */
async function diskOf({ name, stateDir }: LinuxDomain): Promise<string> {
  const xml = await dumpDomainXml(name, { stateDir, inactive: true })
  return /<source file='([^']*)'/.exec(xml)?.[1] ?? ''
}

for (const { label, emulator } of newestQemu()) {
  describe(`checkpoints on QEMU ${label}`, () => {
    test('a guest returns, memory and disk, and merged disks lose nothing', async () => {
      await using dir = await tempDir()
      const diskPath = dir.join('disk.img')
      await makeDisk(diskPath)
      await using linux = await startLinuxDomain({ emulator, diskPath, memoryMib: 96 })
      const { stateDir, name } = linux
      const at = async (number: number): Promise<void> => {
        const now = await tick(linux)
        assert.ok(now > number && now < number + 60, `tick ${now} continues from ${number}`)
      }

      const first = await tick(linux)
      const one = await createCheckpoint(name, 'one', { stateDir })
      assert.deepEqual(one.disks, [{ target: 'vda', path: diskPath, format: 'raw' }])
      assert.ok(one.pauseMs > 0 && one.state === 'running')
      assert.equal(one.way, 'write-protect')
      const frozen = await readFile(diskPath)
      await at(first)
      assert.equal(await diskOf(linux), dir.join('disk.one'))
      assert.deepEqual(await readFile(diskPath), frozen, 'the disk of the instant does not change')
      // The overlay is named by virsh's rules, and what it is built on is not written to by anybody.
      await assert.rejects(undefineDomain(name, { stateDir }), { code: 'DOMAIN_HAS_CHECKPOINTS' })

      const later = await tick(linux)
      const reverted = await stasis(stateDir, 'checkpoint-revert', name, 'one')
      assert.match(reverted.stdout, /it runs; what it was before is checkpoint 'before-one'/)
      await at(first)
      assert.deepEqual(await readFile(diskPath), frozen)
      const back = await revertToCheckpoint(name, 'before-one', { stateDir, discard: true })
      assert.equal(back.kept, undefined)
      await at(later)
      const { checkpoints } = await listCheckpoints(name, { stateDir })
      assert.deepEqual(
        checkpoints.map((each) => [each.name, each.parent, each.current]),
        [
          ['one', undefined, false],
          ['before-one', 'one', true],
        ],
      )

      const before = await tick(linux)
      // Its disk is between two others.
      assert.deepEqual(await deleteCheckpoint(name, 'before-one', { stateDir }), {
        ...{ domain: name, names: ['before-one'], kept: [] },
      })
      await at(before)
      assert.deepEqual(await deleteCheckpoint(name, 'one', { stateDir }), {
        ...{ domain: name, names: ['one'], kept: [] },
      })
      await at(before)
      assert.equal(await diskOf(linux), diskPath)
      assert.deepEqual(await readdir(dir.path), ['disk.img'])
      await destroyDomain(name, { stateDir })
      const [, written] = /TICK (\d+)/.exec((await readFile(diskPath)).toString('latin1')) ?? []
      assert.ok(Number(written) > before, `the disk has tick ${written}, later than ${before}`)
      await undefineDomain(name, { stateDir })
    })

    test('nothing writes to a disk that a checkpoint keeps, and one that is off can be kept', async () => {
      await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 8 } })
      const { stateDir, name, dir, log } = tiny
      await log.advance(1)
      const memory = dir.join('memory')
      const made = await stasis(
        ...([stateDir, 'snapshot-create-as', name, 'one', '--memspec', memory] as const),
      )
      assert.equal(made.stdout, 'Domain snapshot one created\n', made.stderr)
      await destroyDomain(name, { stateDir })
      await assert.rejects(restoreDomain(memory, { stateDir, force: true }), {
        code: 'DOMAIN_DISK_KEPT',
      })
      const off = await createCheckpoint(name, 'off', { stateDir })
      assert.deepEqual([off.state, off.parent, off.pauseMs], ['shutoff', 'one', 0])
      const listed = await stasis(stateDir, 'snapshot-list', name, '--tree')
      assert.equal(listed.stdout, 'one\n  |\n  +- off\n')
      assert.equal((await revertToCheckpoint(name, 'one', { stateDir })).state, 'running')
      await revertToCheckpoint(name, 'off', { stateDir, discard: true })
      await rm(memory)
      await assert.rejects(revertToCheckpoint(name, 'one', { stateDir }), {
        code: 'DOMAIN_WRONG_STATE',
        path: memory,
      })
      await startDomain(name, { stateDir })
      await log.advance(1)
    })
  })
}
