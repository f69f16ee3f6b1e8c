import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { fileSystemTraits } from './file-system-traits.ts'

test('fileSystemTraits() tries direct I/O and reflinks, and leaves nothing', async () => {
  await using dir = await tempDir()
  const { freeBytes, totalBytes, directIo, reflinks } = await fileSystemTraits(dir.path)
  assert.ok(freeBytes > 0 && freeBytes <= totalBytes)
  assert.notEqual(directIo, undefined)
  assert.notEqual(reflinks, undefined)
  assert.deepEqual(await readdir(dir.path), [])
})

test('fileSystemTraits() knows a file system in memory, and one that takes no files', async () => {
  assert.equal((await fileSystemTraits('/dev/shm')).inMemory, true)
  const { directIo, inMemory } = await fileSystemTraits('/proc')
  assert.deepEqual([directIo, inMemory], [undefined, false])
  await assert.rejects(fileSystemTraits('/nowhere'), { code: 'FILE_NOT_FOUND' })
})
