import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readJob } from './job-record.ts'

const JOB = {
  version: 1,
  operation: 'save',
  id: 'a',
  process: { pid: 1, startTime: 3, bootId: 'b' },
  startedAt: '2026-01-01T00:00:00.000Z',
  elapsedMs: 4,
}

test('readJob() refuses a record whose times are not numbers', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stasis-job-'))
  const path = join(directory, 'job.json')
  const read = async (more: object): ReturnType<typeof readJob> => {
    await writeFile(path, JSON.stringify({ ...JOB, ...more }), { mode: 0o600 })
    return readJob(path)
  }
  try {
    assert.equal((await read({ result: { timing: { downtimeMs: 5 } } }))?.id, 'a')
    for (const broken of [
      { result: { timing: { downtimeMs: { toString: 1 } } } },
      { transfer: { phase: 'transferring', elapsedMs: { valueOf: 1 } } },
      { progress: { phase: 'transferring', elapsedMs: 1, etaMs: '9' } },
    ])
      await assert.rejects(read(broken), { code: 'STATE_UNREADABLE' })
  } finally {
    await rm(directory, { recursive: true })
  }
})
