import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createCheckpoint,
  deleteCheckpoint,
  listCheckpoints,
  revertToCheckpoint,
} from '../../src/index.ts'
import { newestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

for (const { label, emulator } of newestQemu()) {
  test(`probe ${label}`, async () => {
    await using tiny = await startTinyDomain({
      emulator,
      writes: { pages: 512, rate: 16 },
      memoryMib: 32,
    })
    const { stateDir, name, log } = tiny
    await log.advance(1)
    for (const one of ['a', 'b', 'c', 'd']) {
      await createCheckpoint(name, one, { stateDir })
      await log.advance(1)
    }
    console.log((await stasis(stateDir, 'checkpoint-list', name)).stdout)
    const show = async () => {
      const { checkpoints } = await listCheckpoints(name, { stateDir })
      for (const c of checkpoints) {
        console.log(c.name, c.base, c.memoryBytes)
        const v = await stasis(stateDir, 'image-verify', c.memory!.path)
        assert.equal(v.exitCode, 0, v.stderr)
      }
    }
    await show()
    const one = await revertToCheckpoint(name, 'd', { stateDir, mode: 'load', discard: true })
    await log.advance(2)
    const two = await revertToCheckpoint(name, 'c', { stateDir, mode: 'lazy', discard: true })
    await log.advance(2)
    console.log(one.restored?.mode, two.restored?.mode)
    await deleteCheckpoint(name, 'b', { stateDir })
    await show()
    await deleteCheckpoint(name, 'a', { stateDir })
    await show()
  })
}
