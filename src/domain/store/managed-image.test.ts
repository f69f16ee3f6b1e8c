import assert from 'node:assert/strict'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { testStore, writeRawImage } from '../../../test/support/test-store.ts'
import { imageId, readHistory, writeHistory } from './image-history.ts'
import {
  hasManagedImage,
  hasUsableManagedSave,
  refuseManagedImage,
  removeManagedImage,
} from './managed-image.ts'
import { orderPath, writeOrder } from './page-order-file.ts'

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

test('removeManagedImage() removes the image, its history and its page order', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await mkdir(dirname(paths.managedSave), { recursive: true })
  const id = imageId(await writeRawImage(paths.managedSave))
  await writeHistory(store.directories, id, { path: paths.managedSave, disks: [] })
  const order = orderPath(store.directories, paths.managedSave)
  await writeOrder(order, 'm', [], [])
  await removeManagedImage(store.directories, paths)
  assert.equal(await hasManagedImage(paths), false)
  assert.equal(await readHistory(store.directories, id), undefined)
  await assert.rejects(access(order), { code: 'ENOENT' })
})

test('removeManagedImage() removes a damaged image too', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await mkdir(dirname(paths.managedSave), { recursive: true })
  await writeFile(paths.managedSave, 'damaged')
  await removeManagedImage(store.directories, paths)
  assert.equal(await hasManagedImage(paths), false)
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
