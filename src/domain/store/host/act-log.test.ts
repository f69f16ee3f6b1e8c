import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../../test/support/temp-dir.ts'
import { logAct } from './act-log.ts'

test('logAct() appends a line, and begins a new file when the old one is full', async () => {
  await using dir = await tempDir()
  const directories = { stateDir: dir.join('state'), runtimeDir: dir.join('run') }
  const path = dir.join('state', 'stasis.log')
  await logAct(directories, 'web', 'the guest was resumed')
  await logAct(directories, 'web', 'again')
  const text = await readFile(path, 'utf8')
  assert.match(text, /^\S+Z domain 'web': the guest was resumed\n\S+Z domain 'web': again\n$/)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await writeFile(path, 'x'.repeat(300 * 1024))
  await logAct(directories, 'web', 'new')
  assert.match(await readFile(path, 'utf8'), /^\S+Z domain 'web': new\n$/)
  assert.equal((await stat(`${path}.old`)).size, 300 * 1024)
})
