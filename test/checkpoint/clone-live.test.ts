import assert from 'node:assert/strict'
import { open, readdir } from 'node:fs/promises'
import { describe, test } from 'node:test'
import {
  cloneLive,
  destroyDomain,
  dumpDomainXml,
  listCheckpoints,
  listDomains,
  listImages,
  saveLive,
} from '../../src/index.ts'
import { makeTemporaryDirectory } from '../../src/io/files/temporary-directory.ts'
import { CounterLog } from '../support/counter-log.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { isLongRun, newestQemu, oldestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const CLONES = ['tiny-1', 'tiny-2']

/** QEMU before 8.1 takes no offset into a file. */
const sharing = newestQemu().filter(({ major }) => major >= 9)

for (const { label, emulator } of sharing) {
  describe(`clone --live, QEMU ${label}`, () => {
    test('clones continue from the moment of the stop, share its memory, and can be saved themselves', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      await using memory = await makeTemporaryDirectory('stasis-test-')
      const memoryDirectory = memory.path
      await log.advance(3)
      const made = await cloneLive('tiny', CLONES, { stateDir, memoryDirectory })
      assert.ok(made.pauseMs > 0)
      assert.deepEqual(
        made.clones.map(({ name, mode, state }) => [name, mode, state]),
        CLONES.map((name) => [name, 'map', 'running']),
      )
      assert.ok(made.sharedBytes > 3 * 2 ** 20)
      await log.advance(3)
      await log.assertUnbroken()
      const own = (await log.counters()).at(-1)
      for (const name of CLONES) {
        const clone = new CounterLog(dir.join(`serial.${name}`))
        await clone.advance(3)
        await clone.assertUnbroken()
        const [first = 0] = await clone.counters()
        assert.ok(first > 3 && first < (own ?? 0), `${first} continues from before ${own}`)
      }
      const uuids = new Set((await listDomains({ stateDir })).map(({ uuid }) => uuid))
      assert.equal(uuids.size, 3)
      assert.deepEqual(await readdir(memoryDirectory), [], 'the memory has no name any more')
      assert.deepEqual((await listImages({ stateDir })).images, [])
      const { live } = await saveLive('tiny-1', dir.join('second'), { stateDir })
      assert.ok(live.pauseMs > 0)
      await assert.rejects(cloneLive('tiny', ['tiny-3', 'tiny-2'], { stateDir }), {
        code: 'DOMAIN_EXISTS',
      })
      await log.advance(2)
      for (const name of CLONES) await destroyDomain(name, { stateDir })
    })

    test(
      'a clone has the disk of the moment, and the guest keeps its own',
      { skip: !isLongRun() && 'long run only', timeout: 120_000 },
      async () => {
        await using dir = await tempDir()
        const diskPath = dir.join('disk.img')
        {
          await using file = await open(diskPath, 'w')
          await file.truncate(4 * 2 ** 20)
        }
        await using linux = await startLinuxDomain({ emulator, diskPath, memoryMib: 96 })
        const { stateDir, name } = linux
        const [clone] = (await cloneLive(name, ['copy'], { stateDir })).clones
        assert.equal(clone?.mode, 'map')
        assert.deepEqual((await listCheckpoints(name, { stateDir })).checkpoints, [])
        const disks = await Promise.all(
          [name, 'copy'].map(
            async (one) =>
              /<source file='([^']*)'/.exec(await dumpDomainXml(one, { stateDir }))?.[1],
          ),
        )
        assert.equal(
          new Set([...disks, diskPath]).size,
          3,
          `${disks.join()} are overlays of their own`,
        )
        await destroyDomain('copy', { stateDir })
        await using console = await linux.console()
        await console.waitForLine(/^TICK/)
      },
    )
  })
}

for (const { label, emulator } of isLongRun() ? oldestQemu().slice(0, 1) : []) {
  test(`a clone on QEMU ${label} has memory of its own`, async () => {
    await using tiny = await startTinyDomain({ emulator })
    const { stateDir, dir, log } = tiny
    await log.advance(3)
    const made = await cloneLive('tiny', ['tiny-1'], { stateDir })
    assert.deepEqual([made.clones[0]?.mode, made.sharedBytes], ['load', 0])
    const clone = new CounterLog(dir.join('serial.tiny-1'))
    await clone.advance(3)
    await log.assertUnbroken()
    await destroyDomain('tiny-1', { stateDir })
  })
}
