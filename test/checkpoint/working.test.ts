import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { describe, test } from 'node:test'
import {
  cloneCheckpoint,
  createCheckpoint,
  deleteCheckpoint,
  destroyDomain,
  dumpDomainXml,
  listCheckpoints,
  revertToCheckpoint,
} from '../../src/index.ts'
import { isLongRun, qemus } from '../support/qemus.ts'
import { startWorkingGuest } from '../support/soak/working-guest.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const hashOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

for (const { label, emulator } of qemus()) {
  describe(`checkpoints of a guest that works, QEMU ${label}`, () => {
    test(
      'an ext4 under write load returns clean, and its disk does not change after the instant',
      { skip: isLongRun() ? false : 'long run only', timeout: 600_000 },
      async () => {
        await using guest = await startWorkingGuest(emulator)
        const { stateDir, name, dir } = guest
        await guest.check()
        await createCheckpoint(name, 'one', { stateDir })
        const instant = await hashOf(dir.join('disk'))
        await guest.check()
        assert.equal(await hashOf(dir.join('disk')), instant)
        const copy = dir.join('copy')
        await copyFile(dir.join('disk'), copy)
        checkFileSystem(copy)
        const { kept } = await revertToCheckpoint(name, 'one', { stateDir })
        await guest.check()
        assert.equal(await hashOf(dir.join('disk')), instant)
        await deleteCheckpoint(name, kept ?? '', { stateDir })
        await deleteCheckpoint(name, 'one', { stateDir })
        await guest.check()
        assert.deepEqual(
          (await readdir(dir.path)).filter((one) => one.startsWith('disk')),
          ['disk'],
        )
        assert.ok((await guest.shutDown()) > 0)
      },
    )

    test(
      'an ext4 under write load returns to each of three checkpoints in a tree, and to a clone',
      { skip: isLongRun() ? false : 'long run only', timeout: 900_000 },
      async () => {
        await using guest = await startWorkingGuest(emulator)
        const { stateDir, name, dir } = guest
        const turns: number[] = []
        const ways = [{}, { stopped: true }, {}]
        for (const [at, way] of ways.entries()) {
          turns.push((await guest.check()).disk)
          await createCheckpoint(name, `c${at}`, { stateDir, ...way })
        }
        // From the last to the first, and back: the tree gets branches.
        for (const [at, discard] of [
          [2, true],
          [0, false],
          [1, false],
          [2, true],
        ] as const) {
          await revertToCheckpoint(name, `c${at}`, { stateDir, discard })
          const { disk } = await guest.check()
          assert.ok(disk >= (turns[at] ?? 0), `${disk} turns continue from ${turns[at]}`)
        }
        const clone = await cloneCheckpoint(name, 'c1', 'twin', { stateDir, resumeAs: 'paused' })
        assert.equal(clone.state, 'paused')
        const cloned = /<source file='([^']*)'/.exec(await dumpDomainXml('twin', { stateDir }))?.[1]
        await destroyDomain('twin', { stateDir })
        const raw = dir.join('raw')
        execFileSync('qemu-img', ['convert', '-O', 'raw', cloned ?? '', raw])
        checkFileSystem(raw)
        await rm(cloned ?? '')
        await deleteCheckpoint(name, 'c1', { stateDir })
        await guest.check()
        for (const { name: one } of (await listCheckpoints(name, { stateDir })).checkpoints)
          await deleteCheckpoint(name, one, { stateDir })
        await guest.check()
        assert.deepEqual(
          (await readdir(dir.path)).filter((one) => one.startsWith('disk')),
          ['disk'],
        )
        assert.ok((await guest.shutDown()) > 0)
      },
    )
  })
}

/** As after a power cut: the journal is replayed, and then nothing is wrong. */
function checkFileSystem(path: string): void {
  try {
    execFileSync('e2fsck', ['-fy', path], { stdio: 'pipe' })
  } catch (error) {
    assert.equal((error as { readonly status?: number }).status, 1, 'only corrected')
  }
  execFileSync('e2fsck', ['-fn', path], { stdio: 'pipe' })
}

test(
  'a checkpoint whose memory does not fit on the disk leaves the guest on its disk',
  { skip: isLongRun() && process.getuid?.() === 0 ? false : 'long run only, as root' },
  async () => {
    const emulator = qemus().at(-1)?.emulator ?? ''
    await using tiny = await startTinyDomain({ emulator, writes: { pages: 2048, rate: 0 } })
    const { stateDir, name, dir, log } = tiny
    await log.advance(1)
    const small = dir.join('small')
    await mkdir(small)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small])
    try {
      for (const stopped of [false, true])
        await assert.rejects(
          createCheckpoint(name, 'one', { stateDir, stopped, memoryPath: `${small}/memory` }),
          { code: 'NO_SPACE' },
        )
      assert.deepEqual(await readdir(small), [])
    } finally {
      execFileSync('umount', [small])
    }
    const { checkpoints, pending } = await listCheckpoints(name, { stateDir })
    assert.deepEqual([checkpoints, pending], [[], undefined])
    assert.deepEqual(
      (await readdir(dir.path)).filter((one) => one.startsWith('pages')),
      ['pages.img'],
    )
    await log.advance(1)
    await log.assertUnbroken()
  },
)
