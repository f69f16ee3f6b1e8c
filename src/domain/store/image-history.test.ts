import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { imageId, moveHistory, readHistory, removeHistory, writeHistory } from './image-history.ts'

const DISK = { target: 'vda', path: '/disks/a', sizeBytes: 4096, modifiedNs: '17' }

test('imageId() depends on XML and cookie, not on the run state', () => {
  const id = imageId({ xml: '<a/>', cookie: '<b/>', wasRunning: true })
  assert.match(id, /^[0-9a-f]{40}$/)
  assert.equal(imageId({ xml: '<a/>', cookie: '<b/>', wasRunning: false }), id)
  for (const [xml, cookie] of [
    ['<a/>', '<c/>'],
    ['<c/>', '<b/>'],
    ['<a/><b/>', undefined],
  ] as const)
    assert.notEqual(imageId({ xml, cookie, wasRunning: true }), id)
})

test('readHistory() returns what writeHistory() stored, and nothing after removeHistory()', async () => {
  await using store = await testStore()
  const history = { path: '/a.save', disks: [DISK], restoredAt: '2026-01-01T00:00:00.000Z' }
  assert.equal(await readHistory(store.directories, 'k'), undefined)
  await writeHistory(store.directories, 'k', history)
  assert.deepEqual(await readHistory(store.directories, 'k'), history)
  await removeHistory(store.directories, 'k')
  assert.equal(await readHistory(store.directories, 'k'), undefined)
})

test('moveHistory() gives the history of an image to its new id, and does nothing without one', async () => {
  await using store = await testStore()
  await moveHistory(store.directories, 'old', 'new')
  assert.equal(await readHistory(store.directories, 'new'), undefined)
  await writeHistory(store.directories, 'old', { path: '/a.save', disks: [] })
  await moveHistory(store.directories, 'old', 'new')
  assert.deepEqual(await readHistory(store.directories, 'new'), { path: '/a.save', disks: [] })
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

test('writeHistory() removes old temporary files of killed writers, not new ones', async () => {
  await using store = await testStore()
  const directory = `${store.directories.stateDir}/images`
  await mkdir(directory, { recursive: true })
  for (const name of ['.k.json.1-1.partial', '.k.json.2-1.partial'])
    await writeFile(`${directory}/${name}`, '')
  const old = new Date(Date.now() - 120_000)
  await utimes(`${directory}/.k.json.1-1.partial`, old, old)
  await writeHistory(store.directories, 'other', { path: '/a.save', disks: [] })
  assert.deepEqual((await readdir(directory)).toSorted(), ['.k.json.2-1.partial', 'other.json'])
})
