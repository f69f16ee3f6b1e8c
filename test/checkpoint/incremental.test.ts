import assert from 'node:assert/strict'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import {
  createCheckpoint,
  deleteCheckpoint,
  flattenCheckpoint,
  listCheckpoints,
  revertToCheckpoint,
} from '../../src/index.ts'
import { inspectImage } from '../../src/api/image.ts'
import { checkpointMoments } from '../support/checkpoint-moments.ts'
import { findParts } from '../support/image-damage.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

for (const { label, emulator } of newestQemu()) {
  describe(`the memory of checkpoints that stores only what differs, QEMU ${label}`, () => {
    test('each returns to its own moment, also after another was deleted', async () => {
      await using tiny = await startTinyDomain({ emulator, writes: { pages: 256, rate: 2 } })
      const { stateDir, name, log } = tiny
      const moments = checkpointMoments(tiny)
      await log.advance(1)
      for (const one of ['a', 'b', 'c', 'd']) await moments.make(one)
      const sizes = await moments.requireBases({ a: undefined, b: 'a', c: 'b', d: 'c' })
      assert.ok((sizes['d'] ?? 0) < (sizes['a'] ?? 0) / 2, JSON.stringify(sizes))

      await moments.revert('d', 'load')
      await deleteCheckpoint(name, 'b', { stateDir })
      await moments.requireBases({ a: undefined, c: 'a', d: 'c' })
      await moments.revert('c', 'lazy')
      await deleteCheckpoint(name, 'a', { stateDir })
      await moments.requireBases({ c: undefined, d: 'c' })
      const { bases } = await flattenCheckpoint(name, 'd', { stateDir })
      assert.deepEqual(bases, ['c'])
      await moments.requireBases({ c: undefined, d: undefined })
      if (isLongRun()) {
        await moments.revert('d', 'load')
        const made = async (one: string, incremental: boolean): Promise<string | undefined> =>
          (await createCheckpoint(name, one, { stateDir, incremental })).base
        assert.equal(await made('e', true), 'd')
        assert.equal(await made('f', false), undefined)
      }
      await moments.requireContents()
      await deleteCheckpoint(name, 'c', { stateDir, children: true })
      assert.deepEqual((await listCheckpoints(name, { stateDir })).checkpoints, [])
    })

    test('a base that is damaged or missing is reported, and deletes nothing', async () => {
      await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 1 } })
      const { stateDir, name, log } = tiny
      await log.advance(1)
      const one = await createCheckpoint(name, 'one', { stateDir })
      const two = await createCheckpoint(name, 'two', { stateDir })
      const [base = '', child = ''] = [one.memory?.path, two.memory?.path]
      const { frames } = await findParts(base)
      const intact = await readFile(base)
      const damaged = Buffer.from(intact)
      for (const { offset } of frames) damaged.writeUInt32LE(0xbad, offset + 4)
      await writeFile(base, damaged)
      const verified = await stasis(stateDir, 'image-verify', child)
      assert.equal(verified.exitCode, 8)
      assert.ok(verified.stdout.includes(base) || verified.stderr.includes(base), verified.stdout)
      await assert.rejects(deleteCheckpoint(name, 'one', { stateDir }), {
        code: 'IMAGE_CORRUPT',
        path: base,
      })
      await writeFile(base, intact)
      await rename(base, `${base}.away`)
      await assert.rejects(revertToCheckpoint(name, 'two', { stateDir, discard: true }), {
        code: 'IMAGE_BASE_MISSING',
        path: child,
      })
      await log.advance(1)
      await rename(`${base}.away`, base)
      const { checkpoints } = await listCheckpoints(name, { stateDir })
      assert.deepEqual(
        checkpoints.map((each) => [each.name, each.base]),
        [
          ['one', undefined],
          ['two', 'one'],
        ],
      )
      assert.equal((await stasis(stateDir, 'image-verify', child)).exitCode, 0)
      assert.deepEqual((await inspectImage(child)).bases, ['one'])
      const pruned = await stasis(stateDir, 'images', '--prune', base)
      assert.match(`${pruned.stdout}${pruned.stderr}`, /needs it \(checkpoint\)/)
    })
  })
}
