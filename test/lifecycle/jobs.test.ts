import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  abortJob,
  destroyDomain,
  domainInfo,
  domainStateReason,
  jobInfo,
  managedSaveDomain,
  renameDomain,
  saveDomain,
  setAutostart,
  startDomain,
  undefineDomain,
  watchEvents,
} from '../../src/index.ts'
import { stasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { untilWatching } from '../support/until-watching.ts'

test('another process can watch and cancel a save', { timeout: 120_000 }, async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  await log.advance(1)
  assert.equal(await jobInfo('tiny', { stateDir }), undefined)
  assert.match((await stasis(stateDir, 'domjobinfo', 'tiny')).stdout, /^Job type: +None$/m)
  let aborting: Promise<unknown> | undefined
  const saving = saveDomain('tiny', dir.join('image'), {
    stateDir,
    onProgress: ({ phase }) => {
      if (phase === 'checking') aborting ??= look()
    },
  })
  const look = async (): Promise<void> => {
    while ((await jobInfo('tiny', { stateDir })) === undefined) await delay(5)
    const ended = await abortJob('tiny', { stateDir })
    assert.equal(ended.outcome, 'cancelled')
  }
  await assert.rejects(saving, { code: 'CANCELLED' })
  await aborting
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
  assert.equal((await readdir(dir.path)).includes('image'), false)
  await assert.rejects(abortJob('tiny', { stateDir }), { code: 'DOMAIN_WRONG_STATE' })
  await saveDomain('tiny', dir.join('image'), { stateDir, channels: 3 })
  const { stdout } = await stasis(stateDir, 'domjobinfo', 'tiny', '--completed')
  assert.match(stdout, /^Job type: +Completed\nOperation: +Save\n/)
  assert.match(stdout, /^Channel 3: +\d/m)
  assert.match(stdout, /^Downtime: +\d/m)
  assert.deepEqual(await readdir(tiny.runtimeDir), [])
})

test('events and reasons report the life of a domain', { timeout: 120_000 }, async () => {
  await using tiny = await startTinyDomain({ started: false })
  const { stateDir, runtimeDir } = tiny
  const end = new AbortController()
  const seen: string[] = []
  const watching = (async () => {
    for await (const { event, detail } of watchEvents({ stateDir, signal: end.signal }))
      seen.push(`${event} ${detail}`)
  })()
  const saw = async (text: string): Promise<void> => {
    const deadline = Date.now() + 20_000
    while (!seen.includes(text)) {
      if (Date.now() > deadline) {
        end.abort()
        assert.fail(`${text} was not seen: ${seen.join(', ')}`)
      }
      await delay(20)
    }
    seen.length = 0
  }
  const reason = async (): Promise<string> => {
    const found = await domainStateReason('tiny', { stateDir })
    return `${found.state} (${found.reason})`
  }
  await untilWatching({ stateDir, runtimeDir }, () => seen.includes('Defined Added'))
  seen.length = 0
  assert.equal(await reason(), 'shut off (unknown)')
  await startDomain('tiny', { stateDir })
  await saw('Started Booted')
  assert.equal(await reason(), 'running (booted)')
  await managedSaveDomain('tiny', { stateDir })
  await saw('Stopped Saved')
  assert.equal(await reason(), 'shut off (saved)')
  const { id } = await startDomain('tiny', { stateDir })
  await saw('Started Restored')
  assert.equal(await reason(), 'running (restored)')
  await stasis(stateDir, 'suspend', 'tiny')
  await saw('Suspended Paused')
  assert.equal(await reason(), 'paused (user)')
  await stasis(stateDir, 'resume', 'tiny')
  await saw('Resumed Unpaused')
  process.kill(id, 'SIGKILL')
  await saw('Stopped Crashed')
  assert.equal(await reason(), 'shut off (crashed)')
  await startDomain('tiny', { stateDir })
  await saw('Started Booted')
  await destroyDomain('tiny', { stateDir })
  await saw('Stopped Destroyed')
  const again = await startDomain('tiny', { stateDir })
  await saw('Started Booted')
  process.kill(again.id, 'SIGTERM')
  await saw('Stopped Shutdown')
  await undefineDomain('tiny', { stateDir })
  await saw('Undefined Removed')
  end.abort()
  await watching
})

test('a domain can be renamed, starts with the host, and can be asked to shut down', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log } = tiny
  await log.advance(1)
  const asks = async (...line: string[]): Promise<string> => {
    const { stdout, stderr } = await stasis(stateDir, ...line)
    return stdout + stderr
  }
  assert.match(await asks('shutdown', 'tiny'), /is being shutdown/)
  assert.match(
    await asks('shutdown', 'tiny', '--mode', 'agent'),
    /has no channel for a guest agent/,
  )
  assert.match(await asks('reboot', 'tiny', '--timeout', '1'), /did not shut down within 1 s/)
  await assert.rejects(renameDomain('tiny', 'small', { stateDir }), { code: 'DOMAIN_RUNNING' })
  await setAutostart('tiny', { stateDir })
  await destroyDomain('tiny', { stateDir })
  await renameDomain('tiny', 'small', { stateDir })
  const info = await domainInfo('small', { stateDir })
  assert.equal(info.autostart, true)
  assert.match(await asks('list', '--all', '--autostart'), /^ -    small   shut off$/m)
  await startDomain('small', { stateDir })
  await destroyDomain('small', { stateDir })
})
