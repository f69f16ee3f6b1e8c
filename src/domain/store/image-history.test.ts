import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { historyOf, imageId, readHistory, removeHistory, writeHistory } from './image-history.ts'

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

test('writeHistory() removes the histories of missing images only once there are many', async () => {
  await using store = await testStore()
  const directory = `${store.directories.stateDir}/images`
  const present = store.join('present.save')
  await writeFile(present, '')
  await writeHistory(store.directories, 'present', { path: present, disks: [] })
  const missing = { version: 1, path: store.join('missing.save'), disks: [] }
  const fill = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1)
      await writeFile(`${directory}/m${index}.json`, JSON.stringify(missing))
  }
  await fill(190)
  await writeFile(`${directory}/damaged.json`, '{')
  await writeHistory(store.directories, 'one', { path: present, disks: [] })
  assert.equal((await readdir(directory)).length, 193)
  await fill(200)
  await writeHistory(store.directories, 'two', { path: present, disks: [] })
  assert.deepEqual((await readdir(directory)).toSorted(), [
    'damaged.json',
    'one.json',
    'present.json',
    'two.json',
  ])
})
