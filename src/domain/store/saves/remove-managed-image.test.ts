import assert from 'node:assert/strict'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { testStore, writeRawImage } from '../../../../test/support/test-store.ts'
import { imageId, readHistory, writeHistory } from './image-history.ts'
import { hasManagedImage } from './managed-image.ts'
import { orderPath, writeOrder } from './page-order-file.ts'
import { removeManagedImage } from './remove-managed-image.ts'

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
