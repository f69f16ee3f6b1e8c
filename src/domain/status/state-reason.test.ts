import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fakeStatus } from '../../../test/support/fake-status.ts'
import { testStore } from '../../../test/support/test-store.ts'
import { Job } from '../progress/job.ts'
import { recordEnd } from '../store/last-end.ts'
import { writeRecord } from '../store/runtime-record.ts'
import { domainStateReason } from './state-reason.ts'

test('domainStateReason() reports how a domain ended', async () => {
  await using store = await testStore()
  await store.define('web')
  assert.deepEqual(await domainStateReason('web', store.directories), {
    name: 'web',
    state: 'shut off',
    reason: 'unknown',
  })
  await recordEnd(store.paths('web'), 'crashed', { lastLines: 'out of memory' })
  const { since, ...crashed } = await domainStateReason('web', store.directories)
  assert.ok(since)
  assert.deepEqual(crashed, {
    name: 'web',
    state: 'shut off',
    reason: 'crashed',
    lastLines: 'out of memory',
  })
  await recordEnd(store.paths('web'), 'saved', { image: '/a.save' })
  assert.equal((await domainStateReason('web', store.directories)).image, '/a.save')
})

test('domainStateReason() reports why a guest runs or is paused', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const record = await store.run('web')
  let status = 'running'
  await using _monitor = await fakeStatus(paths, () => status)
  const restoredFrom = { path: '/a.save', imageId: '', managed: false, begun: true }
  for (const [runState, more, state, reason] of [
    ['running', {}, 'running', 'booted'],
    ['running', { restoredFrom }, 'running', 'restored'],
    ['running', { continuedAt: '2026-01-01T00:00:00Z' }, 'running', 'save canceled'],
    ['paused', {}, 'paused', 'user'],
    ['paused', { interrupted: true }, 'paused', 'save interrupted'],
    ['io-error', {}, 'paused', 'I/O error'],
    ['postmigrate', {}, 'paused', 'save interrupted'],
    ['guest-panicked', {}, 'crashed', 'unknown'],
  ] as const) {
    status = runState
    await writeRecord(paths, { ...record, ...more })
    const found = await domainStateReason('web', store.directories)
    assert.deepEqual([found.state, found.reason], [state, reason], runState)
  }
})

test('domainStateReason() reports a save or restore in progress, unless its process has died', async () => {
  await using store = await testStore()
  await store.run('web')
  await using _monitor = await fakeStatus(store.paths('web'), () => 'paused')
  for (const [operation, reason] of [
    ['save', 'saving'],
    ['managedsave', 'saving'],
    ['restore', 'restoring'],
  ] as const) {
    await using job = await Job.begin(store.paths('web'), operation, {})
    job.report({ phase: 'checking' })
    let found = ''
    for (let attempt = 0; attempt < 100 && found !== reason; attempt += 1)
      found = (await domainStateReason('web', store.directories)).reason
    assert.equal(found, reason)
  }
  const process = await store.runDead('saver')
  const job = { version: 1, operation: 'save', id: 'one', process, elapsedMs: 0 }
  await writeFile(store.paths('web').job, JSON.stringify(job))
  assert.equal((await domainStateReason('web', store.directories)).reason, 'user')
})
