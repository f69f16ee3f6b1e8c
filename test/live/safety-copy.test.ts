import assert from 'node:assert/strict'
import { utimes, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  destroyDomain,
  domainInfo,
  managedSaveLive,
  removeManagedSave,
  restoreDomain,
  startDomain,
  undefineDomain,
} from '../../src/index.ts'
import { newestQemu } from '../support/qemus.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const WRITES = { pages: 1024, rate: 0 }

/** Ends its QEMU as a crash would, and empties the log of its guest. */
async function crash({ stateDir, dir }: TinyDomain): Promise<void> {
  const { id } = await domainInfo('tiny', { stateDir })
  process.kill(id as number, 'SIGKILL')
  while ((await domainInfo('tiny', { stateDir })).id !== undefined) await delay(10)
  await writeFile(dir.join('serial'), '')
}

/** The first number that the guest prints into the empty log. */
async function firstNumber({ log }: TinyDomain): Promise<number | undefined> {
  await log.advance(2)
  return (await log.counters())[0]
}

for (const { label, emulator } of newestQemu()) {
  test(`the next start continues from a safety copy after a crash, and only if no disk has changed, QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator, writes: WRITES })
    const { stateDir, dir, log } = tiny
    await log.advance(20)
    const { image } = await managedSaveLive('tiny', { stateDir })
    const running = await domainInfo('tiny', { stateDir })
    assert.deepEqual([running.state, running.managedSave], ['running', false])
    assert.equal(running.safetyCopy, image.path)
    await assert.rejects(undefineDomain('tiny', { stateDir }), /has a safety copy/)
    await crash(tiny)
    const resumed = await startDomain('tiny', { stateDir })
    assert.equal(resumed.restored?.path, image.path)
    assert.ok(((await firstNumber(tiny)) ?? 0) >= 20, 'it continued')

    // The guest came from the copy that this one replaces.
    await managedSaveLive('tiny', { stateDir })
    await crash(tiny)
    await utimes(dir.join('pages.img'), new Date(), new Date())
    const warnings: string[] = []
    const onWarning = (text: string): void => void warnings.push(text)
    const booted = await startDomain('tiny', { stateDir, onWarning })
    assert.equal(booted.restored, undefined)
    assert.match(
      warnings.join(),
      /boots from its disks, not from its safety copy .* disk vda .* was written to/,
    )
    assert.ok(((await firstNumber(tiny)) ?? 20) < 20, 'it booted')

    await destroyDomain('tiny', { stateDir })
    await assert.rejects(restoreDomain(image.path, { stateDir }), {
      code: 'IMAGE_STALE',
      message: /is of a guest that continued after the save, at .*, and is older than its disks/,
    })
    assert.equal((await removeManagedSave('tiny', { stateDir })).removed, true)
    assert.equal((await domainInfo('tiny', { stateDir })).safetyCopy, undefined)
    await undefineDomain('tiny', { stateDir })
  })
}
