import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createCheckpoint,
  deleteCheckpoint,
  destroyDomain,
  dumpDomainXml,
  listCheckpoints,
} from '../../src/index.ts'
import { type LinuxDomain, startLinuxDomain } from '../support/linux-domain.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { Random } from '../support/random.ts'
import { startStasis, stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { watchersEnd } from '../support/watchers.ts'

const ROUNDS = 30

const skip = isLongRun() ? false : 'long run only'

/** The last of two new ticks of the guest, which it has also written to its disk. */
async function tick(linux: LinuxDomain): Promise<number> {
  await using console = await linux.console()
  await console.waitForLine(/^TICK/, { timeoutMs: 60_000 })
  const [, number] = await console.waitForLine(/^TICK (\d+)$/, { timeoutMs: 60_000 })
  return Number(number)
}

/** The tick on the disk that the definition names, of a domain that is off. */
async function tickOnDisk({ name, stateDir, dir }: LinuxDomain): Promise<number> {
  const xml = await dumpDomainXml(name, { stateDir, inactive: true })
  const path = /<source file='([^']*)'/.exec(xml)?.[1] ?? ''
  const raw = dir.join('content')
  execFileSync('qemu-img', ['convert', '-O', 'raw', path, raw])
  return Number(/TICK (\d+)/.exec((await readFile(raw)).toString('latin1', 0, 512))?.[1])
}

for (const { label, emulator } of newestQemu()) {
  describe(`killed checkpoints on QEMU ${label}`, { skip }, () => {
    test('the guest writes on, no half checkpoint is listed, and its last writes are on its disk', async (t) => {
      const seed = Number(process.env['STASIS_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
      const random = new Random(seed)
      t.diagnostic(`STASIS_SEED=${seed}`)
      await using dir = await tempDir()
      const diskPath = dir.join('disk.img')
      {
        await using file = await open(diskPath, 'w')
        await file.truncate(2 * 1024 * 1024)
      }
      await using linux = await startLinuxDomain({ emulator, diskPath, memoryMib: 96 })
      const { stateDir, name } = linux
      await createCheckpoint(name, 'first', { stateDir })
      let lengthMs = 3000
      for (let round = 0; round < ROUNDS; round += 1) {
        const acts = [
          ['checkpoint', name, `k${round}`],
          ['checkpoint', name, `k${round}`, '--stopped'],
          ['checkpoint-delete', name, 'again'],
        ] as const
        const argv = acts[round % acts.length] ?? acts[0]
        if (argv[0] === 'checkpoint-delete') await createCheckpoint(name, 'again', { stateDir })
        const startMs = performance.now()
        const { child, ended } = startStasis(stateDir, argv)
        await delay(random.below(Math.round(lengthMs)))
        child.kill('SIGKILL')
        const { exitCode } = await ended
        if (exitCode === 0) lengthMs = (lengthMs + performance.now() - startMs) / 2
        await watchersEnd(stateDir)
        await tick(linux)
        const { checkpoints } = await listCheckpoints(name, { stateDir })
        for (const { name: one, memory } of checkpoints) {
          assert.ok(memory !== undefined, one)
          const { exitCode: readable } = await stasis(stateDir, 'image-verify', memory.path)
          assert.equal(readable, 0, `the memory of ${one} is complete`)
        }
        // It settles what the killed one has left.
        await createCheckpoint(name, `after${round}`, { stateDir })
        await deleteCheckpoint(name, `after${round}`, { stateDir })
        for (const one of ['again', `k${round}`])
          if (checkpoints.some((each) => each.name === one))
            await deleteCheckpoint(name, one, { stateDir })
      }
      const last = await tick(linux)
      await deleteCheckpoint(name, 'first', { stateDir })
      assert.equal((await listCheckpoints(name, { stateDir })).pending, undefined)
      await destroyDomain(name, { stateDir })
      const written = await tickOnDisk(linux)
      assert.ok(written >= last, `the disk has tick ${written}, the guest had said ${last}`)
    })
  })
}
