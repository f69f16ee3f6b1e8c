import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../io/files/temporary-directory.ts'
import { createOverlay } from './create-overlay.ts'

test('createOverlay() names a directory that is missing, and an error of qemu-img once', async () => {
  await using directory = await makeTemporaryDirectory('stasis-overlay-')
  const backing = join(directory.path, 'disk')
  await writeFile(backing, Buffer.alloc(4096))
  const at = (path: string, from = backing): Promise<void> =>
    createOverlay({ path: join(directory.path, path), backing: from, backingFormat: 'raw' }, 'qemu')
  await assert.rejects(at('clones/one.qcow2'), {
    code: 'FILE_NOT_FOUND',
    path: join(directory.path, 'clones'),
    hint: `Make that directory first: mkdir -p ${join(directory.path, 'clones')}`,
  })
  await assert.rejects(at('two.qcow2', '/nonexistent/disk'), (error: Error & { hint?: string }) => {
    assert.match(
      error.message,
      /^Could not make a disk overlay of \/nonexistent\/disk: qemu-img: [^\n]*No such file/,
    )
    assert.equal(error.hint, undefined)
    assert.equal(error.cause, undefined)
    return true
  })
})
