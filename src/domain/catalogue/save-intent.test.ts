import assert from 'node:assert/strict'
import { access } from 'node:fs/promises'
import { test } from 'node:test'
import { testStore, writeRawImage } from '../../../test/support/test-store.ts'
import { readRecord } from '../store/runtime-record.ts'
import { isSaved, recordSaveIntent, withdrawSaveIntent } from './save-intent.ts'

test('isSaved() is true only for the image that the save was to write', async () => {
  await using store = await testStore()
  const record = await store.run('web')
  const path = store.join('web.save')
  const description = { xml: '<a/>', cookie: undefined, wasRunning: true, id: '1'.repeat(32) }
  const saving = await recordSaveIntent(store.paths('web'), record, {
    path,
    description,
    running: true,
  })
  assert.deepEqual((await readRecord(store.paths('web')))?.saving, saving)
  assert.equal(await isSaved(saving), false)
  await writeRawImage(path, { xml: '<b/>' })
  assert.equal(await isSaved(saving), false)
  await writeRawImage(path, description)
  assert.equal(await isSaved(saving), true)
})

test('withdrawSaveIntent() removes the image of the failed save, but not another one', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const record = await store.run('web')
  const path = store.join('web.save')
  const description = { xml: '<a/>', cookie: undefined, wasRunning: true, id: '1'.repeat(32) }
  const saving = await recordSaveIntent(paths, record, { path, description, running: true })
  await writeRawImage(path, { xml: '<older/>' })
  await withdrawSaveIntent(paths, record, saving)
  await access(path)
  assert.equal((await readRecord(paths))?.saving, undefined)
  await writeRawImage(path, description)
  await withdrawSaveIntent(paths, record, saving)
  await assert.rejects(access(path), { code: 'ENOENT' })
})
