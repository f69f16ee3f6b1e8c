import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  cloneCheckpoint,
  createCheckpoint,
  deleteCheckpoint,
  destroyDomain,
  listDomains,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

test(
  'a clone of a checkpoint runs beside its domain, and keeps the disk that it is built on',
  { skip: isLongRun() ? false : 'long run only' },
  async () => {
    const emulator = newestQemu()[0]?.emulator ?? ''
    await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 8 } })
    const { stateDir, name, dir, log } = tiny
    await log.advance(1)
    await createCheckpoint(name, 'one', { stateDir })
    const clone = await cloneCheckpoint(name, 'one', 'second', { stateDir })
    try {
      assert.equal(clone.state, 'running')
      await new CounterLog(`${dir.join('serial')}.second`).advance(1)
      await log.advance(1)
      await log.assertUnbroken()
      const { kept } = await deleteCheckpoint(name, 'one', { stateDir })
      assert.deepEqual(kept, [join(dir.path, 'pages.img')])
      const listed = await stasis(stateDir, 'checkpoint-list', name, '--json')
      assert.deepEqual((JSON.parse(listed.stdout) as { checkpoints: unknown }).checkpoints, [])
      assert.equal((await listDomains({ stateDir })).length, 2)
    } finally {
      await destroyDomain('second', { stateDir })
    }
  },
)
