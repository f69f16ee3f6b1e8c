import assert from 'node:assert/strict'
import { readFile, readdir, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { replaceWhole, writeWhole } from './whole-text.ts'

test('replaceWhole() replaces what is there and leaves no file where none is', async () => {
  await using dir = await tempDir()
  const path = dir.join('file')
  assert.equal(await replaceWhole(path, 'new'), false)
  assert.equal(await replaceWhole(dir.join('no/file'), 'new'), false)
  await writeWhole(path, 'old')
  assert.equal(await replaceWhole(path, 'new'), true)
  assert.equal(await readFile(path, 'utf8'), 'new')
  assert.equal(await replaceWhole(path, 'newer', (before) => before === 'old'), false)
  assert.equal(await readFile(path, 'utf8'), 'new')
  await rm(path)
  assert.equal(await replaceWhole(path, 'newer'), false)
  assert.deepEqual(await readdir(dir.path), [])
})
