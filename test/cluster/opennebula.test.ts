import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { defineDomain, destroyDomain, listDomains, startDomain } from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { newestQemu } from '../support/qemus.ts'
import { type CommandResult, command } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const drivers = join(import.meta.dirname, '../../contrib/opennebula')

/** Runs a driver action as OpenNebula does: arguments, and a message on standard input. */
function action(
  stateDir: string,
  name: string,
  ...args: readonly string[]
): Promise<CommandResult> {
  const env = { ...process.env, STASIS: command, STASIS_STATE_DIR: stateDir }
  return new Promise((resolve) => {
    const child = execFile(join(drivers, name), args, { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
    child.stdin?.end(
      '<VMM_DRIVER_ACTION_DATA><DATASTORE><TM_MAD>shared</TM_MAD></DATASTORE></VMM_DRIVER_ACTION_DATA>',
    )
  })
}

test('the drivers of OpenNebula save a guest, and restore it from another datastore', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const [{ emulator } = { emulator: '' }] = newestQemu()
  const store = (id: number): string => dir.join(`datastores/${id}/7`)
  await mkdir(store(100), { recursive: true })
  await cp(guestPaths().tinyDisk, join(store(100), 'disk.0'))
  const serial = { type: 'file', path: dir.join('serial') } as const
  const diskPath = join(store(100), 'disk.0')
  const xml = domainXml({ name: 'one-7', guest: 'tiny', emulator, diskPath, serial })
  await defineDomain(xml, { stateDir })
  await startDomain('one-7', { stateDir })
  try {
    const log = new CounterLog(serial.path)
    await log.advance(2)
    const checkpoint = join(store(100), 'checkpoint')
    const saved = await action(stateDir, 'save', 'one-7', checkpoint, 'host1', '7', '100')
    assert.equal(saved.exitCode, 0, saved.stderr)
    assert.ok(existsSync(checkpoint))
    assert.equal((await listDomains({ stateDir, all: true }))[0]?.state, 'shut off')

    await mkdir(dir.join('datastores/101'))
    await rename(store(100), store(101))
    const moved = join(store(101), 'checkpoint')
    const restored = await action(stateDir, 'restore', moved, 'host2', 'one-7', '7', '101')
    assert.equal(restored.exitCode, 0, restored.stderr)
    await log.advance(2)
    await log.assertUnbroken()
    assert.ok(!existsSync(moved) && !existsSync(`${moved}.xml`), 'the checkpoint is used up')
  } finally {
    await destroyDomain('one-7', { stateDir }).catch(() => undefined)
  }
})

test('the drivers of OpenNebula report a failure as it expects them, and leave the checkpoint', async () => {
  await using dir = await tempDir()
  const home = dir.join('datastores/100/7')
  await mkdir(home, { recursive: true })
  const checkpoint = join(home, 'checkpoint')
  await writeFile(checkpoint, 'no image')
  const framed = /^ERROR MESSAGE --8<------\n[^]+\nERROR MESSAGE ------>8--\n$/
  for (const [name, ...args] of [
    ['save', 'one-7', join(home, 'new'), 'host1', '7', '100'],
    ['restore', checkpoint, 'host1', 'one-7', '7', '100'],
  ] as const) {
    const { exitCode, stderr } = await action(dir.join('state'), name, ...args)
    assert.equal(exitCode, 1)
    assert.match(stderr, framed)
  }
  assert.ok(existsSync(checkpoint) && !existsSync(`${checkpoint}.xml`))
})
