import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'

test('WorkerThread fails when its program does not run in time, and the process ends without the thread', async () => {
  await using dir = await tempDir()
  const pipe = dir.join('pipe')
  spawnSync('mkfifo', [pipe])
  const script = join(import.meta.dirname, '../../test/support/start-stuck-thread.ts')
  const argv = ['--disable-warning=ExperimentalWarning', script, pipe]
  const { status, stdout, signal } = spawnSync(process.execPath, argv, { timeout: 30_000 })
  assert.equal(signal, null, 'it ended by itself')
  assert.match(stdout.toString(), /^StorageError.*: A thread did not start within 3 s\n$/)
  assert.equal(status, 7)
})
