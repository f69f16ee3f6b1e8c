import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createCheckpoint,
  domainInfo,
  listCheckpoints,
  listDomains,
  revertToCheckpoint,
} from '../../src/index.ts'
import { newestQemu } from '../support/qemus.ts'
import { startStasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'
import { watchersEnd } from '../support/watchers.ts'

/** Kills a command as soon as something is true; its watchers have done their work then. */
async function killWhen(
  { stateDir }: TinyDomain,
  argv: readonly string[],
  isTime: () => boolean,
): Promise<void> {
  const { child, ended } = startStasis(stateDir, argv)
  while (!isTime() && child.exitCode === null) await delay(1)
  child.kill('SIGKILL')
  const { exitCode, stderr } = await ended
  assert.equal(exitCode, -1, stderr)
  await watchersEnd(stateDir)
}

const emulator = newestQemu()[0]?.emulator ?? ''

test('a guest whose revert is killed before its end continues, with all that it was', async () => {
  await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 8 } })
  const { stateDir, runtimeDir, name, log } = tiny
  await log.advance(1)
  await createCheckpoint(name, 'one', { stateDir })
  const record = join(runtimeDir, name, 'process.json')
  await killWhen(tiny, ['checkpoint-revert', name, 'one'], () =>
    readFileSync(record, 'utf8').includes('"saving"'),
  )
  assert.equal((await domainInfo(name, { stateDir })).state, 'running')
  await log.advance(2)
  await log.assertUnbroken()
  // Also when the present is in the list already.
  await killWhen(tiny, ['checkpoint-revert', name, 'one'], () =>
    existsSync(join(stateDir, 'checkpoints', name, 'before-one')),
  )
  if ((await domainInfo(name, { stateDir })).state === 'running') {
    await log.advance(2)
    await log.assertUnbroken()
  } else {
    await revertToCheckpoint(name, 'before-one', { stateDir, discard: true })
    await log.advance(2)
  }
  await revertToCheckpoint(name, 'one', { stateDir })
  await log.advance(1)
})

test('a revert that is cancelled after the end of the guest brings it back', async () => {
  await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 8 } })
  const { stateDir, name, log } = tiny
  await log.advance(1)
  await createCheckpoint(name, 'one', { stateDir })
  const abort = new AbortController()
  const reverting = revertToCheckpoint(name, 'one', {
    stateDir,
    signal: abort.signal,
    onProgress: () => abort.abort(),
  })
  await assert.rejects(reverting, {
    code: 'CANCELLED',
    outcome: 'the guest is as it was before, running',
  })
  await log.advance(2)
  await log.assertUnbroken()
  await revertToCheckpoint(name, 'one', { stateDir, discard: true })
  await log.advance(1)
})

test('a file that exists does not become an overlay, and stays', async () => {
  await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 8 } })
  const { stateDir, name, dir } = tiny
  const file = dir.join('mine')
  await writeFile(file, 'mine')
  const making = createCheckpoint(name, 'one', { stateDir, disks: [{ disk: 'vda', file }] })
  await assert.rejects(making, { code: 'FILE_EXISTS', path: file })
  assert.equal(await readFile(file, 'utf8'), 'mine')
})

test('a clone of a running guest that is killed leaves no checkpoint and no memory', async () => {
  await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 8 } })
  const { stateDir, name, dir, log } = tiny
  const memory = await mkdtemp('/dev/shm/stasis-test-')
  try {
    await log.advance(1)
    const own = join(stateDir, 'checkpoints', name)
    const argv = ['clone', name, '--live', 'second', '--memory-directory', memory]
    await killWhen(
      tiny,
      argv,
      () => existsSync(own) && readdirSync(own).some((one) => one.startsWith('clone-')),
    )
    assert.deepEqual(await readdir(memory), [])
    const { checkpoints, pending } = await listCheckpoints(name, { stateDir })
    assert.deepEqual([checkpoints, pending], [[], undefined])
    assert.deepEqual(
      (await listDomains({ stateDir })).map((one) => one.name),
      [name],
    )
    assert.deepEqual(
      (await readdir(dir.path)).filter((one) => one.startsWith('pages')),
      ['pages.img'],
    )
    await log.advance(2)
    await log.assertUnbroken()
  } finally {
    await rm(memory, { recursive: true })
  }
})
