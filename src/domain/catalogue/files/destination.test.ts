import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { smallXml, testStore, writeRawImage } from '../../../../test/support/test-store.ts'
import { checkDestination } from './destination.ts'
import { imageId, writeHistory } from '../../store/saves/image-history.ts'
import { recordEnd } from '../../store/last-end.ts'

test('checkDestination() returns the path of a new file, and of a file that no domain uses', async () => {
  await using store = await testStore()
  const path = store.join('web.save')
  assert.equal(await checkDestination(store.directories, path), path)
  await writeFile(path, '')
  assert.equal(await checkDestination(store.directories, path), path)
})

test('checkDestination() follows a symbolic link', async () => {
  await using store = await testStore()
  await symlink(store.join('real.save'), store.join('link.save'))
  assert.equal(
    await checkDestination(store.directories, store.join('link.save')),
    store.join('real.save'),
  )
})

test('checkDestination() refuses an empty name and a directory', async () => {
  await using store = await testStore()
  await mkdir(store.join('directory'))
  for (const path of ['', store.join('directory')])
    await assert.rejects(checkDestination(store.directories, path), { code: 'BAD_ARGUMENT' })
})

test('checkDestination() refuses the directories of Stasis, except for the managed save of the domain', async () => {
  await using store = await testStore()
  const { managedSave, directory } = store.paths('web')
  await mkdir(dirname(managedSave), { recursive: true })
  await mkdir(directory, { recursive: true })
  await symlink(dirname(managedSave), store.join('link'))
  for (const path of [managedSave, `${directory}/a`, store.join('link', 'a')])
    await assert.rejects(checkDestination(store.directories, path), {
      code: 'BAD_ARGUMENT',
      message: /Stasis keeps its own files/,
    })
  const options = { domain: 'web', managedSave }
  assert.equal(await checkDestination(store.directories, managedSave, options), managedSave)
})

test('checkDestination() refuses a disk of a domain under any of its names', async () => {
  await using store = await testStore()
  const disk = store.join('disk')
  await writeFile(disk, '')
  await symlink(disk, store.join('other-name'))
  const devices = `<disk type='file' device='disk'><source file='${store.join('other-name')}'/><target dev='vda' bus='virtio'/></disk>`
  await store.define('web', smallXml({ name: 'web', devices }))
  await assert.rejects(checkDestination(store.directories, disk), {
    code: 'BAD_ARGUMENT',
    message: /it belongs to domain 'web'/,
  })
})

test('checkDestination() lets only the same domain replace the image with its last state', async () => {
  await using store = await testStore()
  const path = store.join('web.save')
  await writeRawImage(path)
  await store.define('web')
  await recordEnd(store.paths('web'), 'saved', { image: path })
  assert.equal(await checkDestination(store.directories, path, { domain: 'web' }), path)
  await assert.rejects(checkDestination(store.directories, path, { domain: 'db' }), {
    code: 'BAD_ARGUMENT',
    message: /the last state of domain 'web'/,
  })
})

test('checkDestination() accepts an image that is damaged or incomplete, and no file that is something else', async () => {
  await using store = await testStore()
  const path = store.join('file')
  await writeRawImage(path)
  assert.equal(await checkDestination(store.directories, path), path)
  for (const begin of ['LibvirtQemudSave', `LibvirtQemudPart${'\0'.repeat(76)}`]) {
    await writeFile(path, begin)
    assert.equal(await checkDestination(store.directories, path), path)
  }
  for (const content of ['x', 'a text that is longer than the header of an image'.repeat(9)]) {
    await writeFile(path, content)
    await assert.rejects(checkDestination(store.directories, path), {
      code: 'FILE_EXISTS',
      path,
      message: `${path} exists and is not a save image`,
    })
  }
})

test('checkDestination() keeps the image of another guest that was not resumed from it', async () => {
  await using store = await testStore()
  const path = store.join('web.save')
  const uuid = '11111111-2222-4333-8444-000000000001'
  const xml = smallXml({ name: 'web', uuid })
  const description = await writeRawImage(path, { xml })
  const other = { domain: 'db', guest: '11111111-2222-4333-8444-000000000002' }
  await assert.rejects(checkDestination(store.directories, path, other), {
    code: 'FILE_EXISTS',
    message: /holds the saved guest 'web'/,
  })
  assert.equal(
    await checkDestination(store.directories, path, { domain: 'web', guest: uuid }),
    path,
  )
  const resumed = { path, restoredAt: new Date().toISOString() }
  await writeHistory(store.directories, imageId(description), resumed)
  assert.equal(await checkDestination(store.directories, path, other), path)
})
