import assert from 'node:assert/strict'
import { link, open, rm, stat, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { fileKey, openFilesOf } from './open-files.ts'

test('openFilesOf() returns each regular file once, with its key', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('a'), '')
  await link(dir.join('a'), dir.join('b'))
  await using _one = await open(dir.join('a'))
  await using _two = await open(dir.join('b'))
  await using _device = await open('/dev/null')
  const key = fileKey(await stat(dir.join('a')))
  const files = await openFilesOf(process.pid)
  assert.equal(files.filter((file) => file.key === key).length, 1)
  assert.equal(
    files.some(({ path }) => path === '/dev/null'),
    false,
  )
})

test('openFilesOf() marks a file without a name as removed', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('a'), '')
  await using handle = await open(dir.join('a'))
  const key = fileKey(await handle.stat())
  const removed = async (): Promise<boolean | undefined> =>
    (await openFilesOf(process.pid)).find((file) => file.key === key)?.removed
  assert.equal(await removed(), false)
  await rm(dir.join('a'))
  assert.equal(await removed(), true)
})

test('openFilesOf() returns nothing for a process that is gone', async () => {
  assert.deepEqual(await openFilesOf(2 ** 30), [])
})
