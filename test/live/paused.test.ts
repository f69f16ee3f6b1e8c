import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StasisError } from '../../src/errors.ts'
import { createCheckpoint, domainInfo, saveLive, suspendDomain } from '../../src/index.ts'
import { oldestQemu } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

for (const { label, emulator } of oldestQemu())
  test(`a guest that is paused stays paused, QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 8 } })
    const { stateDir, name, dir, log } = tiny
    await log.advance(1)
    await suspendDomain(name, { stateDir })
    assert.equal((await createCheckpoint(name, 'one', { stateDir })).state, 'paused')
    await saveLive(name, dir.join('image'), { stateDir }).catch((error: unknown) => {
      assert.ok(StasisError.is(error, 'DOMAIN_WRONG_STATE'), String(error))
    })
    assert.equal((await domainInfo(name, { stateDir })).state, 'paused')
    await log.assertStill()
  })
