import assert from 'node:assert/strict'
import { access, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { CloneFiles } from './clone.ts'

test('CloneFiles removes the files that it created, unless they are detached', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('vars'), 'variables')
  const nvram = { from: dir.join('vars'), to: dir.join('vars.clone') }
  const clone = { xml: '', overlays: [], nvram }
  {
    await using _files = await CloneFiles.make(clone, '')
    assert.equal(await readFile(nvram.to, 'utf8'), 'variables')
  }
  await assert.rejects(access(nvram.to), { code: 'ENOENT' })
  {
    await using files = await CloneFiles.make(clone, '')
    files.detach()
  }
  await access(nvram.to)
})

test('CloneFiles.make() does not replace an existing file, and does not remove it', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('vars'), 'variables')
  await writeFile(dir.join('existing'), 'mine')
  const nvram = { from: dir.join('vars'), to: dir.join('existing') }
  await assert.rejects(CloneFiles.make({ xml: '', overlays: [], nvram }, ''), {
    path: dir.join('existing'),
  })
  assert.equal(await readFile(dir.join('existing'), 'utf8'), 'mine')
})

test('CloneFiles.make() creates nothing without a clone', async () => {
  await using files = await CloneFiles.make(undefined, '')
  assert.ok(files)
})
