import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type TestStore, testStore } from '../../../../test/support/test-store.ts'
import {
  describeCached,
  hasCache,
  isCached,
  listCached,
  makeRoom,
  removeCached,
  useCached,
} from './cached-images.ts'
import { NewCachedImage } from './new-cached-image.ts'

const KIB = 1024

/** Adds an entry of 64 KiB that was last used `age` seconds ago. */
async function add({ directories }: TestStore, key: string, age: number): Promise<void> {
  await using entry = await NewCachedImage.create(directories)
  await writeFile(join(entry.directory, '0.ram'), Buffer.alloc(64 * KIB, 1))
  const blocks = [{ name: 'pc.ram', file: '0.ram', length: 64 * KIB }]
  await entry.publish(key, { image: `/${key}.save`, blocks })
  const used = new Date(Date.now() - age * 1000)
  await utimes(join(directories.stateDir, 'image-cache', key, 'entry.json'), used, used)
}

async function keys(store: TestStore): Promise<readonly string[]> {
  return (await listCached(store.directories)).map(({ key }) => key)
}

test('listCached() lists the entries, the most recently used first', async () => {
  await using store = await testStore()
  assert.equal(await hasCache(store.directories), false)
  assert.deepEqual(await keys(store), [])
  await add(store, 'old', 200)
  await add(store, 'new', 100)
  assert.deepEqual(await keys(store), ['new', 'old'])
  await useCached(store.directories, 'old')
  assert.deepEqual(await keys(store), ['old', 'new'])
})

test('useCached() returns the blocks of an entry, and undefined for another key', async () => {
  await using store = await testStore()
  await add(store, 'one', 0)
  const path = join(store.directories.stateDir, 'image-cache', 'one', '0.ram')
  assert.deepEqual(await useCached(store.directories, 'one'), [
    { name: 'pc.ram', path, length: 64 * KIB },
  ])
  assert.equal(await useCached(store.directories, 'two'), undefined)
  assert.equal(await isCached(store.directories, 'two'), false)
})

test('makeRoom() removes least recently used entries, but not the one to keep', async () => {
  await using store = await testStore()
  await add(store, 'a', 400)
  await add(store, 'b', 300)
  await add(store, 'c', 200)
  const { allocatedBytes } = await describeCached(store.directories, 'a')
  await makeRoom(store.directories, 'a', 3 * allocatedBytes)
  assert.deepEqual(await keys(store), ['c', 'b', 'a'])
  await makeRoom(store.directories, 'a', 2 * allocatedBytes)
  assert.deepEqual(await keys(store), ['c', 'a'])
  await makeRoom(store.directories, 'a', 0)
  assert.deepEqual(await keys(store), ['a'])
})

test('publish() keeps the entry of another process that was faster', async () => {
  await using store = await testStore()
  await add(store, 'one', 0)
  {
    await using entry = await NewCachedImage.create(store.directories)
    await entry.publish('one', { image: '/other.save', blocks: [] })
  }
  assert.equal((await describeCached(store.directories, 'one')).image, '/one.save')
  assert.deepEqual(await readdir(join(store.directories.stateDir, 'image-cache')), ['one'])
})

test('NewCachedImage.create() removes drafts of dead processes, not those of running ones', async () => {
  await using store = await testStore()
  const cache = join(store.directories.stateDir, 'image-cache')
  await mkdir(join(cache, '.new-dead'), { recursive: true })
  await writeFile(join(cache, '.new-dead', 'lock'), '')
  await using running = await NewCachedImage.create(store.directories)
  await using _other = await NewCachedImage.create(store.directories)
  const names = await readdir(cache)
  assert.equal(names.includes('.new-dead'), false)
  assert.ok(names.some((name) => running.directory.endsWith(name)))
  assert.deepEqual(await keys(store), [])
})

test('describeCached() throws for a missing entry, and for one whose file names leave it', async () => {
  await using store = await testStore()
  await assert.rejects(describeCached(store.directories, 'one'), { code: 'BAD_ARGUMENT' })
  await add(store, 'one', 0)
  const entry = { version: 1, image: '/a', blocks: [{ name: 'r', file: '../x', length: 1 }] }
  const path = join(store.directories.stateDir, 'image-cache', 'one', 'entry.json')
  await writeFile(path, JSON.stringify(entry))
  await assert.rejects(useCached(store.directories, 'one'), { code: 'STATE_UNREADABLE' })
  await removeCached(store.directories, 'one')
  assert.equal(await isCached(store.directories, 'one'), false)
})

test('listCached() shows an entry that cannot be read, and makeRoom() leaves it', async () => {
  await using store = await testStore()
  const { directories } = store
  await add(store, 'good', 100)
  await add(store, 'newer', 200)
  const cache = join(directories.stateDir, 'image-cache')
  await writeFile(join(cache, 'newer/entry.json'), '{ "version": 99 }')
  await mkdir(join(cache, 'empty'))
  await makeRoom(directories, 'other', 0)
  const faults = (await listCached(directories)).map(({ key, fault }) => `${key} ${fault?.code}`)
  assert.deepEqual(faults.toSorted(), ['empty BAD_ARGUMENT', 'newer STATE_TOO_NEW'])
  for (const key of ['newer', 'empty']) await removeCached(directories, key)
  assert.deepEqual(await readdir(cache), [])
})

test('the next entry removes what a killed removal left', async () => {
  await using store = await testStore()
  const cache = join(store.directories.stateDir, 'image-cache')
  await mkdir(join(cache, '.removed-one'), { recursive: true })
  await writeFile(join(cache, '.removed-one/0.ram'), 'memory')
  await add(store, 'two', 0)
  assert.deepEqual(await readdir(cache), ['two'])
})
