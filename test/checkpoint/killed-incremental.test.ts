import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createCheckpoint, deleteCheckpoint, listCheckpoints } from '../../src/index.ts'
import { checkpointMoments } from '../support/checkpoint-moments.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { Random } from '../support/random.ts'
import { startStasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { watchersEnd } from '../support/watchers.ts'

const ROUNDS = 40

const skip = isLongRun() ? false : 'long run only'

for (const { label, emulator } of newestQemu()) {
  describe(`memory that needs other memory, QEMU ${label}`, { skip }, () => {
    test('whatever is killed, each checkpoint that is listed has its memory', async (t) => {
      const seed = Number(process.env['STASIS_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
      const random = new Random(seed)
      t.diagnostic(`STASIS_SEED=${seed}`)
      await using tiny = await startTinyDomain({ emulator, writes: { pages: 2048, rate: 32 } })
      const { stateDir, name, log } = tiny
      const moments = checkpointMoments(tiny)
      await log.advance(1)
      let made = 0
      let lengthMs = 1500
      let killed = 0
      for (let round = 0; round < ROUNDS; round += 1) {
        for (;;) {
          const { length } = (await listCheckpoints(name, { stateDir })).checkpoints
          if (length >= 3) break
          made += 1
          await moments.make(`c${made}`)
        }
        const { checkpoints } = await listCheckpoints(name, { stateDir })
        const chosen = checkpoints[random.below(checkpoints.length)]?.name ?? ''
        const verb = round % 3 === 0 ? 'checkpoint-flatten' : 'checkpoint-delete'
        const startMs = performance.now()
        const { child, ended } = startStasis(stateDir, [verb, name, chosen])
        await delay(random.below(Math.round(lengthMs * 1.2)))
        child.kill('SIGKILL')
        const { exitCode } = await ended
        if (exitCode === 0) lengthMs = (lengthMs + performance.now() - startMs) / 2
        else killed += 1
        await watchersEnd(stateDir)
        await moments.requireContents()
      }
      assert.ok(killed > ROUNDS / 8, `${killed} of ${ROUNDS} were killed before they were done`)
      const [oldest] = (await listCheckpoints(name, { stateDir })).checkpoints
      if (oldest !== undefined) await moments.revert(oldest.name, 'load')
      for (const one of (await listCheckpoints(name, { stateDir })).checkpoints)
        await deleteCheckpoint(name, one.name, { stateDir })
      const left = await readdir(join(stateDir, 'checkpoints', name))
      assert.deepEqual(left, ['tree.json'], 'no part of an image is left')
    })

    test('the eighth in a row is flattened in the background, and the next is based on it', async () => {
      await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 2 } })
      const { stateDir, name, log } = tiny
      const moments = checkpointMoments(tiny)
      await log.advance(1)
      for (let number = 1; number <= 8; number += 1) await moments.make(`c${number}`)
      const baseOf = async (one: string): Promise<string | undefined> =>
        (await listCheckpoints(name, { stateDir })).checkpoints.find((each) => each.name === one)
          ?.base
      const until = Date.now() + 180_000
      while ((await baseOf('c8')) !== undefined) {
        assert.ok(Date.now() < until, 'it is flattened within three minutes')
        await delay(100)
      }
      assert.equal((await createCheckpoint(name, 'c9', { stateDir })).base, 'c8')
      await moments.requireContents()
      await moments.revert('c7', 'load')
      await deleteCheckpoint(name, 'c1', { stateDir, children: true })
    })
  })
}
