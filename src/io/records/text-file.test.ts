import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, readdir, rm, stat, symlink } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { readText, replaceText, writeText } from './text-file.ts'

test('replaceText() replaces an existing file and creates none', async () => {
  await using dir = await tempDir()
  const path = dir.join('file')
  assert.equal(await replaceText(path, 'new'), false)
  assert.equal(await replaceText(dir.join('no/file'), 'new'), false)
  await writeText(path, 'old', { durable: false })
  assert.equal(await replaceText(path, 'new'), true)
  assert.equal(await readFile(path, 'utf8'), 'new')
  assert.equal(await replaceText(path, 'newer', (before) => before === 'old'), false)
  assert.equal(await readFile(path, 'utf8'), 'new')
  await rm(path)
  assert.equal(await replaceText(path, 'newer'), false)
  assert.deepEqual(await readdir(dir.path), [])
})

test('writeText() leaves one file with mode 0600 when several writers race', async () => {
  await using dir = await tempDir()
  const path = dir.join('file')
  const texts = Array.from({ length: 20 }, (_, index) => `text ${index}`)
  await Promise.all(texts.map((text, index) => writeText(path, text, { durable: index % 2 === 0 })))
  assert.ok(texts.includes((await readText(path)) ?? ''))
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(dir.path), ['file'])
})

test('readText() does not read a link, a pipe or a directory', { timeout: 5000 }, async () => {
  await using dir = await tempDir()
  await writeText(dir.join('file'), 'text', { durable: false })
  await symlink('file', dir.join('link'))
  spawnSync('mkfifo', [dir.join('pipe')])
  assert.equal(await readText(dir.join('none')), undefined)
  for (const name of ['link', 'pipe', '.'])
    await assert.rejects(readText(dir.join(name)), { code: 'IO_ERROR' })
})
