import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { recordEnd } from '../store/last-end.ts'
import { imageOfDomain } from './domain-image.ts'

test('imageOfDomain() returns where a running guest came from, or where it was saved to', async () => {
  await using store = await testStore()
  assert.equal(await imageOfDomain('web', store.directories), undefined)
  await recordEnd(store.paths('web'), 'saved', { image: '/saved.save' })
  assert.equal(await imageOfDomain('web', store.directories), '/saved.save')
  await store.run('web')
  assert.equal(await imageOfDomain('web', store.directories), undefined)
  const restoredFrom = { path: '/restored.save', imageId: '', managed: false, begun: true }
  await store.run('web', { restoredFrom })
  assert.equal(await imageOfDomain('web', store.directories), '/restored.save')
})
