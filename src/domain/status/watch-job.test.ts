import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { CancelledError } from '../../errors.ts'
import { Job } from '../progress/job.ts'
import { abortJob, jobInfo } from './watch-job.ts'

test('jobInfo() returns the job in progress, or the last one', async () => {
  await using store = await testStore()
  await store.run('web')
  const completed = { ...store.directories, completed: true }
  assert.equal(await jobInfo('web', store.directories), undefined)
  assert.equal(await jobInfo('web', completed), undefined)
  {
    await using job = await Job.begin(store.paths('web'), 'save', {})
    let active
    while (active === undefined) active = await jobInfo('web', store.directories)
    assert.equal(active.operation, 'save')
    job.complete(1)
  }
  assert.equal(await jobInfo('web', store.directories), undefined)
  assert.equal((await jobInfo('web', completed))?.outcome, 'completed')
})

test('abortJob() cancels a job and returns its outcome', async () => {
  await using store = await testStore()
  await store.run('web')
  const job = await Job.begin(store.paths('web'), 'save', {})
  job.signal.addEventListener('abort', () => {
    job.failed(new CancelledError('save', job.signal.reason))
    void job[Symbol.asyncDispose]()
  })
  while ((await jobInfo('web', store.directories)) === undefined);
  assert.deepEqual(await abortJob('web', store.directories), { name: 'web', outcome: 'cancelled' })
})

test('abortJob() throws DOMAIN_WRONG_STATE when there is no job', async () => {
  await using store = await testStore()
  await store.run('web')
  await assert.rejects(abortJob('web', store.directories), { code: 'DOMAIN_WRONG_STATE' })
})

test('abortJob() stops waiting when its signal is aborted', async () => {
  await using store = await testStore()
  await store.run('web')
  await using _job = await Job.begin(store.paths('web'), 'save', {})
  while ((await jobInfo('web', store.directories)) === undefined);
  const signal = AbortSignal.timeout(100)
  await assert.rejects(abortJob('web', { ...store.directories, signal }), { code: 'CANCELLED' })
})
