import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { smallXml, testStore, writeRawImage } from '../../../test/support/test-store.ts'
import { findEntry, listEntries, uuidOf } from './catalogue.ts'
import { recordEnd } from '../store/last-end.ts'

const OTHER_UUID = 'aaaaaaaa-2222-4333-8444-555555555555'

test('listEntries() lists defined and running domains once, by name', async () => {
  await using store = await testStore()
  await store.define('web')
  await store.define('db')
  const web = await store.run('web')
  const transient = await store.run('app')
  const entries = await listEntries(store.directories)
  assert.deepEqual(
    entries.map(({ name, persistent, record }) => [name, persistent, record?.pid]),
    [
      ['app', false, transient.pid],
      ['db', true, undefined],
      ['web', true, web.pid],
    ],
  )
})

test('listEntries() omits a domain without definition whose QEMU has died', async () => {
  await using store = await testStore()
  await store.runDead('app')
  assert.deepEqual(await listEntries(store.directories), [])
})

test('listEntries() finds a running domain whose runtime directory is named by a digest', async () => {
  await using store = await testStore()
  const name = 'n&'.repeat(50)
  await store.run(name)
  assert.notEqual(store.paths(name).directory.split('/').at(-1), name)
  // A directory with a digest in which no QEMU was started belongs to no domain.
  await mkdir(`${store.directories.runtimeDir}/~0123456789abcdef`)
  assert.deepEqual(
    (await listEntries(store.directories)).map((entry) => entry.name),
    [name],
  )
})

test('findEntry() finds a domain by name, UUID in any case, and id', async () => {
  await using store = await testStore()
  await store.define('db', smallXml({ name: 'db', uuid: OTHER_UUID }))
  const { pid, uuid } = await store.run('web')
  for (const [reference, name] of [
    ['web', 'web'],
    [uuid, 'web'],
    [String(pid), 'web'],
    [OTHER_UUID.toUpperCase(), 'db'],
  ] as const)
    assert.equal((await findEntry(store.directories, reference)).name, name)
})

test('findEntry() prefers a name to a UUID', async () => {
  await using store = await testStore()
  await store.define('db', smallXml({ name: 'db', uuid: OTHER_UUID }))
  await store.define(OTHER_UUID)
  assert.equal((await findEntry(store.directories, OTHER_UUID)).name, OTHER_UUID)
})

test('findEntry() throws DOMAIN_NOT_FOUND, also for an impossible name', async () => {
  await using store = await testStore()
  for (const reference of ['web', '../web', 'a/b'])
    await assert.rejects(findEntry(store.directories, reference), { code: 'DOMAIN_NOT_FOUND' })
})

test('findEntry() reports the image of a domain that was saved to a file', async () => {
  await using store = await testStore()
  const image = store.join('web.save')
  await writeRawImage(image)
  await recordEnd(store.paths('web'), 'saved', { image })
  await assert.rejects(findEntry(store.directories, 'web'), {
    code: 'DOMAIN_NOT_FOUND',
    hint: new RegExp(`stasis restore ${image}`),
  })
})

test('uuidOf() is empty when the definition cannot be read', async () => {
  await using store = await testStore()
  await store.define('web', '<domain')
  const [entry] = await listEntries(store.directories)
  assert.ok(entry)
  assert.equal(await uuidOf(store.directories, entry), '')
})
