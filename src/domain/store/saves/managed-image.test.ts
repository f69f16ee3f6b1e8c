import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { testStore, writeRawImage } from '../../../../test/support/test-store.ts'
import { hasUsableManagedSave, refuseManagedImage } from './managed-image.ts'

test('hasUsableManagedSave() is true while no guest was resumed from the image', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const record = await store.run('web')
  assert.equal(await hasUsableManagedSave({ paths, record: undefined }), false)
  await mkdir(dirname(paths.managedSave), { recursive: true })
  await writeRawImage(paths.managedSave)
  const from = { path: paths.managedSave, imageId: '', managed: true, begun: false }
  for (const [restoredFrom, usable] of [
    [from, true],
    [{ ...from, begun: true }, false],
    [{ ...from, managed: false }, false],
    [undefined, false],
  ] as const)
    assert.equal(await hasUsableManagedSave({ paths, record: { ...record, restoredFrom } }), usable)
  assert.equal(await hasUsableManagedSave({ paths, record: undefined }), true)
  assert.equal(await hasUsableManagedSave({ paths, record: undefined, consumed: true }), false)
})

test('refuseManagedImage() throws DOMAIN_HAS_MANAGED_SAVE only when there is one', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await refuseManagedImage('web', paths, 'renamed', undefined)
  await mkdir(dirname(paths.managedSave), { recursive: true })
  await writeRawImage(paths.managedSave)
  await assert.rejects(refuseManagedImage('web', paths, 'undefined', '--managed-save'), {
    code: 'DOMAIN_HAS_MANAGED_SAVE',
    path: paths.managedSave,
    hint: /--managed-save/,
  })
})
