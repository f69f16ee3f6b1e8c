import assert from 'node:assert/strict'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { type TestStore, testStore } from '../../../test/support/test-store.ts'
import { CancelledError } from '../../errors.ts'
import { Job } from './job.ts'
import { readJob } from '../store/job-record.ts'
import type { SaveProgress } from './progress.ts'

const TRANSFERRING: SaveProgress = {
  phase: 'transferring',
  percent: 50,
  ramBytes: 1,
  ramTotalBytes: 2,
  transferredBytes: 1,
  fileBytes: 1,
  rateBytesPerSecond: 1,
  channelBytes: [],
  elapsedMs: 1,
  etaMs: 7,
}

async function prepared(): Promise<TestStore> {
  const store = await testStore()
  await mkdir(store.paths('web').directory, { recursive: true })
  return store
}

/** Waits until `read` returns a value. */
async function eventually<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const value = await read()
    if (value !== undefined) return value
    await delay(10)
  }
  throw new Error('It did not happen')
}

test('Job shows itself to other processes and reports progress to the caller', async () => {
  await using store = await prepared()
  const paths = store.paths('web')
  const reported: SaveProgress[] = []
  const onProgress = (progress: SaveProgress): void => void reported.push(progress)
  {
    await using job = await Job.begin(paths, 'save', { onProgress })
    job.report({ phase: 'checking' })
    job.report(TRANSFERRING)
    const shown = await eventually(async () => {
      const record = await readJob<SaveProgress>(paths.job)
      return record?.progress?.phase === 'transferring' ? record : undefined
    })
    assert.equal(shown.operation, 'save')
    assert.equal(shown.process.pid, process.pid)
    assert.equal(shown.outcome, undefined)
    job.report({ phase: 'checking' })
    assert.deepEqual(job.complete({ path: '/a' }), { path: '/a' })
  }
  assert.deepEqual(reported, [{ phase: 'checking' }, TRANSFERRING, { phase: 'checking' }])
  await assert.rejects(access(paths.job), { code: 'ENOENT' })
  const last = await readJob<SaveProgress>(paths.lastJob)
  assert.equal(last?.outcome, 'completed')
  assert.deepEqual(last.result, { path: '/a' })
  assert.deepEqual(last.transfer, TRANSFERRING)
})

test('Job records how it failed', async () => {
  for (const [error, outcome, text] of [
    [new Error('no space'), 'failed', 'no space'],
    [new CancelledError('send the state', new Error('enough')), 'cancelled', 'enough'],
    [new CancelledError('save'), 'cancelled', 'Cancelled'],
  ] as const) {
    await using store = await prepared()
    {
      await using job = await Job.begin(store.paths('web'), 'save', {})
      assert.equal(job.failed(error), error)
    }
    const last = await readJob<SaveProgress>(store.paths('web').lastJob)
    assert.equal(last?.outcome, outcome)
    assert.equal(last.error, text)
  }
})

test('Job that ends without a result counts as failed, or as cancelled by its caller', async () => {
  await using store = await prepared()
  const paths = store.paths('web')
  await (await Job.begin(paths, 'save', {}))[Symbol.asyncDispose]()
  assert.equal((await readJob<SaveProgress>(paths.lastJob))?.outcome, 'failed')
  const signal = AbortSignal.abort()
  await (await Job.begin(paths, 'save', { signal }))[Symbol.asyncDispose]()
  assert.equal((await readJob<SaveProgress>(paths.lastJob))?.outcome, 'cancelled')
})

test('Job is cancelled by a request for it, and not by one for an earlier job', async () => {
  await using store = await prepared()
  const paths = store.paths('web')
  await writeFile(paths.jobAbort, 'an earlier job')
  await using job = await Job.begin(paths, 'save', {})
  await assert.rejects(access(paths.jobAbort), { code: 'ENOENT' })
  await writeFile(paths.jobAbort, 'another job')
  await delay(250)
  assert.equal(job.signal.aborted, false)
  const { id } = await eventually(() => readJob<SaveProgress>(paths.job))
  await writeFile(paths.jobAbort, id)
  await eventually(async () => (job.signal.aborted ? true : undefined))
  assert.match(String(job.signal.reason), /domjobabort/)
})

test('Job does not disturb its operation when it cannot be written', async () => {
  await using store = await testStore()
  await using job = await Job.begin(store.paths('web'), 'save', {})
  job.report({ phase: 'checking' })
  assert.equal(job.complete(1), 1)
})
