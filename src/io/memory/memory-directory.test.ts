import assert from 'node:assert/strict'
import { closeSync, existsSync, mkdirSync, openSync, utimesSync } from 'node:fs'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { tryLock } from '../system-calls.ts'
import { MemoryDirectory } from './memory-directory.ts'

test('MemoryDirectory.make() leaves the directory itself unlocked: an image is published in it without a wait', async () => {
  await using dir = await tempDir()
  await using memory = await MemoryDirectory.make(dir.path, 'm-')
  const fd = openSync(memory.path, 'r')
  assert.ok(tryLock(fd))
  closeSync(fd)
})

test('MemoryDirectory.make() removes what a killed process has left, and nothing that is in use or young', async () => {
  await using dir = await tempDir()
  await using used = await MemoryDirectory.make(dir.path, 'm-')
  const [left, young] = [dir.join('m-left'), dir.join('m-young')]
  mkdirSync(left)
  mkdirSync(young)
  const longAgo = new Date(Date.now() - 3_600_000)
  utimesSync(left, longAgo, longAgo)
  utimesSync(used.path, longAgo, longAgo)
  await using _other = await MemoryDirectory.make(dir.path, 'm-')
  assert.deepEqual([left, young, used.path].map(existsSync), [false, true, true])
})
