import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  domainInfo,
  domainStateReason,
  restoreDomain,
  resumeDomain,
  saveDomain,
  suspendDomain,
  watchEvents,
} from '../../src/index.ts'
import { DomainLock } from '../../src/domain/store/lock.ts'
import { runtimePaths } from '../../src/domain/store/runtime-paths.ts'
import { readRecord, writeRecord } from '../../src/domain/store/runtime-record.ts'
import { isLongRun, qemus } from '../support/qemus.ts'
import { watchersEnd, watchersOf } from '../support/watchers.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'
import { untilWatching } from '../support/until-watching.ts'

/** All files in the runtime directory of a running domain. */
const RUNNING = ['live.xml', 'lock', 'process.json', 'q', 'qmp.sock', 'query.sock']

/** Kills a save, and not its watcher, when the save reaches a phase. Returns the path of the image. */
async function killAt(
  phase: string,
  { stateDir, dir }: TinyDomain,
  format = 'stasis',
): Promise<string> {
  const image = dir.join('image')
  const script = join(import.meta.dirname, '../support/save-and-die.ts')
  const env = { ...process.env, STASIS_TEST_WATCHER: '1' }
  const argv = [script, stateDir, image, phase, format]
  const child = spawn(process.execPath, argv, { stdio: 'inherit', env })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL')
  return image
}

/** That nothing is left of a killed save beside its guest, without any command. */
async function assertClean({ stateDir, runtimeDir, dir }: TinyDomain): Promise<void> {
  assert.deepEqual(watchersOf(stateDir), [])
  assert.deepEqual((await readdir(join(runtimeDir, 'tiny'))).toSorted(), RUNNING)
  const left = (await readdir(dir.path)).filter((name) => name.includes('image'))
  assert.deepEqual(left, [])
}

for (const { label, emulator } of qemus().slice(0, 2)) {
  const formats = label.startsWith('7') ? ['channels', 'stasis', 'raw'] : ['sparse', 'stasis', 'xz']
  test(`a guest whose save is killed continues by itself, QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator })
    const { stateDir, log } = tiny
    for (const format of isLongRun() ? formats : formats.slice(0, 1)) {
      for (const phase of ['stopping', 'transferring', 'flushing']) {
        await log.advance(1)
        await killAt(phase, tiny, format)
        await watchersEnd(stateDir)
        const { state, reason } = await domainStateReason('tiny', { stateDir })
        assert.deepEqual([state, reason], ['running', 'save canceled'], `${format} ${phase}`)
        await log.advance(1)
        await assertClean(tiny)
      }
    }
    await log.assertUnbroken()
    const lines = await readFile(join(stateDir, 'stasis.log'), 'utf8')
    assert.match(
      lines,
      /domain 'tiny': process \d+, which was saving it, was killed; the guest was resumed\n$/,
    )
    // The guest can be saved as ever.
    const image = tiny.dir.join('image')
    await saveDomain('tiny', image, { stateDir })
    assert.deepEqual(watchersOf(stateDir), [])
    await restoreDomain(image, { stateDir })
    await log.advance(1)
    await log.assertUnbroken()
  })
}

test('a save that is killed once its image is complete is finished, and the guest is in the image only', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir, log } = tiny
  await log.advance(1)
  const image = await killAt('ending', tiny)
  await watchersEnd(stateDir)
  assert.deepEqual(await readdir(runtimeDir), [])
  const { state, reason, image: saved } = await domainStateReason('tiny', { stateDir })
  assert.deepEqual([state, reason, saved], ['shut off', 'saved', image])
  assert.match(await readFile(join(stateDir, 'stasis.log'), 'utf8'), /it has ended: saved in \//)
  await restoreDomain(image, { stateDir })
  await log.advance(1)
  await log.assertUnbroken()
})

test('a guest that was paused before its killed save stays paused', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log } = tiny
  await log.advance(1)
  await suspendDomain('tiny', { stateDir })
  await killAt('transferring', tiny)
  await watchersEnd(stateDir)
  const { state } = await domainStateReason('tiny', { stateDir })
  assert.equal(state, 'paused')
  await log.assertStill()
  await resumeDomain('tiny', { stateDir })
  await log.advance(3)
  await log.assertUnbroken()
  await assertClean(tiny)
})

test('an event reports that a guest continues after a killed save', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir, log } = tiny
  await log.advance(1)
  const events = watchEvents({ stateDir, signal: AbortSignal.timeout(60_000) })
  const seen: string[] = []
  const watched = (async () => {
    for await (const { event, detail } of events) {
      seen.push(`${event} ${detail}`)
      if (detail === 'SaveKilled') return
    }
  })()
  await untilWatching({ stateDir, runtimeDir }, () => seen.includes('Defined Added'))
  await killAt('transferring', tiny)
  await watched
  assert.equal(seen.at(-1), 'Resumed SaveKilled', seen.join(', '))
})

test('a watcher waits for a command that holds the domain, and leaves what that has settled', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir, log } = tiny
  await log.advance(1)
  const paths = runtimePaths({ stateDir, runtimeDir }, 'tiny')
  const dying = killAt('transferring', tiny)
  // Takes the lock at the moment of the death, before the watcher can.
  while (watchersOf(stateDir).length === 0) await delay(5)
  let lock: unknown
  while (!(lock instanceof DomainLock)) lock = await DomainLock.tryAcquire(paths, 'test')
  await dying
  {
    await using _lock = lock
    await delay(1500)
    assert.equal(watchersOf(stateDir).length, 1, 'it waits')
    await log.assertStill()
    const record = await readRecord(paths)
    assert.ok(record !== undefined)
    // As `suspend` does: the pause is the user's.
    await writeRecord(paths, { ...record, saving: undefined, interrupted: undefined })
  }
  await watchersEnd(stateDir)
  await log.assertStill()
  await resumeDomain('tiny', { stateDir })
  await log.advance(3)
  await log.assertUnbroken()
})

test('a QEMU that is killed with its save is found to have crashed', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir, dir, log } = tiny
  await log.advance(1)
  const { id } = await domainInfo('tiny', { stateDir })
  const dying = killAt('flushing', tiny)
  await dying
  process.kill(id as number, 'SIGKILL')
  await watchersEnd(stateDir)
  const { state, reason } = await domainStateReason('tiny', { stateDir })
  assert.deepEqual([state, reason], ['shut off', 'crashed'])
  await stasisTidies(stateDir)
  assert.deepEqual(await readdir(runtimeDir), [])
  const left = (await readdir(dir.path)).filter((name) => name.includes('image'))
  assert.deepEqual(left, [])
})

/** The next command that acts. */
async function stasisTidies(stateDir: string): Promise<void> {
  await assert.rejects(resumeDomain('tiny', { stateDir }), { code: 'DOMAIN_NOT_RUNNING' })
}
