import assert from 'node:assert/strict'
import { copyFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import {
  createCheckpoint,
  defineDomain,
  deleteCheckpoint,
  destroyDomain,
  listCheckpoints,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

test('a running guest keeps one checkpoint, of which a newer takes the place', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const [{ emulator } = { emulator: '' }] = newestQemu()
  const serial = { type: 'file', path: dir.join('serial') } as const
  const diskPath = dir.join('disk.img')
  await copyFile(guestPaths().tinyDisk, diskPath)
  await defineDomain(domainXml({ name: 'rolling', guest: 'tiny', emulator, diskPath, serial }), {
    stateDir,
  })
  await startDomain('rolling', { stateDir })
  try {
    const log = new CounterLog(serial.path)
    await log.advance(2)
    for (const number of [1, 2, 3]) {
      await createCheckpoint('rolling', `copy-${number}`, { stateDir })
      if (number > 1) await deleteCheckpoint('rolling', `copy-${number - 1}`, { stateDir })
      await log.advance(1)
    }
    const { checkpoints } = await listCheckpoints('rolling', { stateDir })
    assert.deepEqual(
      checkpoints.map(({ name }) => name),
      ['copy-3'],
    )
    const files = await readdir(dir.path)
    assert.deepEqual(
      files.filter((name) => name.startsWith('disk')),
      ['disk.copy-3', 'disk.img'],
    )
    await log.assertUnbroken()
  } finally {
    await destroyDomain('rolling', { stateDir }).catch(() => undefined)
  }
})
