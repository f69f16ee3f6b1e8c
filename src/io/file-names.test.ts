import assert from 'node:assert/strict'
import { symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import { isReachable, isThere } from './file-names.ts'

test('isThere() takes only a missing name for absence', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('file'), '')
  await symlink('nowhere', dir.join('link'))
  assert.equal(await isThere(dir.join('file')), true)
  assert.equal(await isThere(dir.join('link')), true)
  assert.equal(await isReachable(dir.join('link')), false)
  assert.equal(await isThere(dir.join('none')), false)
  assert.equal(await isThere(dir.join('file', 'below')), false)
  // Too long to be looked for: nobody can say that it is not there.
  await assert.rejects(isThere(dir.join('x'.repeat(300))), { code: 'IO_ERROR' })
})
