import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { testStore } from '../../../../test/support/test-store.ts'
import {
  forgetPlace,
  historyOf,
  imageId,
  listHistories,
  placesOf,
  readHistory,
  removeHistory,
  withPlace,
  writeHistory,
} from './image-history.ts'

const DISK = { target: 'vda', path: '/disks/a', sizeBytes: 4096, modifiedNs: '17' }

const IMAGE = { xml: '<a/>', cookie: '<b/>', wasRunning: true }

test('imageId() is the id in the header, or depends on XML and cookie where there is none', () => {
  assert.equal(imageId({ ...IMAGE, id: 'header' }), 'header')
  const id = imageId(IMAGE)
  assert.match(id, /^[0-9a-f]{40}$/)
  assert.equal(imageId({ ...IMAGE, wasRunning: false }), id)
  for (const change of [
    { cookie: '<c/>' },
    { xml: '<c/>' },
    { xml: '<a/><b/>', cookie: undefined },
  ])
    assert.notEqual(imageId({ ...IMAGE, ...change }), id)
})

test('readHistory() returns what writeHistory() stored, and nothing after removeHistory()', async () => {
  await using store = await testStore()
  const history = { path: '/a.save', disks: [DISK], restoredAt: '2026-01-01T00:00:00.000Z' }
  const image = { ...IMAGE, id: 'k' }
  assert.equal(await readHistory(store.directories, 'k'), undefined)
  await writeHistory(store.directories, 'k', history)
  assert.deepEqual(await readHistory(store.directories, 'k'), history)
  await removeHistory(store.directories, image)
  assert.equal(await readHistory(store.directories, 'k'), undefined)
})

test('historyOf() also finds, and removeHistory() also removes, a history from before ids', async () => {
  await using store = await testStore()
  const image = { ...IMAGE, id: 'k' }
  assert.equal(await historyOf(store.directories, image), undefined)
  await writeHistory(store.directories, imageId(IMAGE), { path: '/old.save', disks: [] })
  assert.equal((await historyOf(store.directories, image))?.path, '/old.save')
  await writeHistory(store.directories, 'k', { path: '/new.save', disks: [] })
  assert.equal((await historyOf(store.directories, image))?.path, '/new.save')
  await removeHistory(store.directories, image)
  assert.equal(await historyOf(store.directories, image), undefined)
})

test('readHistory() throws STATE_UNREADABLE rather than take a damaged history for none', async () => {
  await using store = await testStore()
  const directory = `${store.directories.stateDir}/images`
  await mkdir(directory, { recursive: true })
  for (const text of ['{', '{}', '{"path": "/a", "disks": [{"target": "vda"}]}']) {
    await writeFile(`${directory}/k.json`, text)
    await assert.rejects(readHistory(store.directories, 'k'), { code: 'STATE_UNREADABLE' }, text)
  }
})

test('listHistories() lists every record, also unreadable ones, and no temporary files', async () => {
  await using store = await testStore()
  const { directories } = store
  assert.deepEqual(await listHistories(directories), [])
  await writeHistory(directories, 'b', { path: '/b' })
  await writeHistory(directories, 'a', { path: '/a', disks: [DISK], domain: 'web' })
  const directory = `${directories.stateDir}/images`
  await writeFile(`${directory}/broken.json`, '{')
  await writeFile(`${directory}/.x.json`, '{')
  const found = await listHistories(directories)
  assert.deepEqual(
    found.map(({ key }) => key),
    ['a', 'b', 'broken'],
  )
  assert.ok(found[2] !== undefined && 'fault' in found[2])
  assert.equal(found[2].fault.code, 'STATE_UNREADABLE')
})

test('withPlace() and forgetPlace() keep every place of an image, and the history of one that has a place', async () => {
  await using store = await testStore()
  const { directories } = store
  const history = withPlace(withPlace({ path: '/a' }, '/b'), '/b')
  assert.deepEqual(placesOf(history), ['/b', '/a'])
  await writeHistory(directories, 'k', history)
  await forgetPlace(directories, 'k', '/b')
  assert.deepEqual(await readHistory(directories, 'k'), { path: '/a', copies: [] })
  await forgetPlace(directories, 'k', '/elsewhere')
  assert.equal((await readHistory(directories, 'k'))?.path, '/a')
  await forgetPlace(directories, 'k', '/a')
  assert.equal(await readHistory(directories, 'k'), undefined)
})
