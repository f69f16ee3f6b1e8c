import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { smallXml, testStore } from '../../../test/support/test-store.ts'
import { undefineDomain } from './undefine.ts'

test('undefineDomain() asks what becomes of the variables of a UEFI firmware', async () => {
  await using store = await testStore()
  const { directories } = store
  const path = join(directories.stateDir, 'web_VARS.fd')
  const xml = smallXml({ name: 'web' }).replace(
    '</os>',
    `<loader type='pflash' readonly='yes'>/code.fd</loader><nvram>${path}</nvram></os>`,
  )
  assert.match(xml, /<nvram>/)
  await store.define('web', xml)
  // Without the file there is nothing to ask.
  await undefineDomain('web', directories)

  await store.define('web', xml)
  await writeFile(path, 'variables')
  await assert.rejects(undefineDomain('web', directories), {
    code: 'DOMAIN_WRONG_STATE',
    hint: /--keep-nvram/,
  })
  await undefineDomain('web', { ...directories, nvram: false })
  assert.equal(await readFile(path, 'utf8'), 'variables')

  await store.define('web', xml)
  await undefineDomain('web', { ...directories, nvram: true })
  await assert.rejects(readFile(path), { code: 'ENOENT' })

  await writeFile(path, 'variables')
  await store.define('web', xml)
  await store.run('web', {}, xml)
  await assert.rejects(undefineDomain('web', { ...directories, nvram: true }), {
    code: 'DOMAIN_RUNNING',
  })
  assert.equal(await readFile(path, 'utf8'), 'variables')
})
