import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { lookForLibvirt } from './libvirt-domains.ts'

test('lookForLibvirt() finds domains whose process lives, and forgets pid files of others', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('web.pid'), `${process.pid}\n`)
  await writeFile(dir.join('gone.pid'), '4194304')
  await writeFile(dir.join('broken.pid'), 'x')
  await writeFile(dir.join('web.xml'), '')
  assert.deepEqual((await lookForLibvirt([dir.path, dir.join('missing')])).running, ['web'])
})
