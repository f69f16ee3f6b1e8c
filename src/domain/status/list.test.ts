import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { fakeStatus } from '../../../test/support/fake-status.ts'
import {
  type TestStore,
  smallXml,
  testStore,
  writeRawImage,
} from '../../../test/support/test-store.ts'
import { markAutostart } from '../catalogue/autostart.ts'
import { writePostcopyRecord } from '../store/postcopy-record.ts'
import { type ListOptions, listDomains } from './list.ts'

const OTHER_UUID = 'aaaaaaaa-2222-4333-8444-555555555555'

async function addManagedSave(store: TestStore, name: string): Promise<void> {
  const { managedSave } = store.paths(name)
  await mkdir(dirname(managedSave), { recursive: true })
  await writeRawImage(managedSave)
}

async function names(store: TestStore, options: ListOptions): Promise<readonly string[]> {
  return (await listDomains({ ...store.directories, ...options })).map(({ name }) => name)
}

test('listDomains() lists running domains first, each part by name', async () => {
  await using store = await testStore()
  for (const name of ['d', 'a', 'c']) await store.define(name)
  await store.run('c')
  await store.run('b')
  await using _c = await fakeStatus(store.paths('c'), () => 'running')
  await using _b = await fakeStatus(store.paths('b'), () => 'paused')
  assert.deepEqual(await names(store, {}), ['b', 'c'])
  assert.deepEqual(await names(store, { all: true }), ['b', 'c', 'a', 'd'])
  const domains = await listDomains({ ...store.directories, all: true })
  assert.deepEqual(
    domains.map(({ state, persistent }) => [state, persistent]),
    [
      ['paused', false],
      ['running', true],
      ['shut off', true],
      ['shut off', true],
    ],
  )
})

test('listDomains() filters by managed save and autostart', async () => {
  await using store = await testStore()
  for (const name of ['both', 'save', 'auto', 'none'])
    await store.define(name, smallXml({ name, uuid: OTHER_UUID }))
  for (const name of ['both', 'save']) await addManagedSave(store, name)
  for (const name of ['both', 'auto']) await markAutostart(store.directories, name)
  for (const [options, expected] of [
    [{ managedSave: true }, ['both', 'save']],
    [{ managedSave: false }, ['auto', 'none']],
    [{ autostart: true }, ['auto', 'both']],
    [{ autostart: false }, ['none', 'save']],
    [{ managedSave: true, autostart: false }, ['save']],
  ] as const)
    assert.deepEqual(await names(store, { all: true, ...options }), expected)
})

test('listDomains() reports a guest as paused that waits for a page which will never arrive', async () => {
  await using store = await testStore()
  await store.run('web')
  await using _monitor = await fakeStatus(store.paths('web'), () => 'running')
  await writePostcopyRecord(store.paths('web'), {
    id: 'one',
    image: '/a.save',
    machine: '',
    readers: 1,
    hostPageSizes: {},
    fault: { kind: 'image', code: 'IMAGE_CORRUPT', message: 'damaged' },
  })
  const [web] = await listDomains(store.directories)
  assert.equal(web?.state, 'paused')
})

test('listDomains() reports no state for a QEMU that does not answer', async () => {
  await using store = await testStore()
  await store.run('web')
  const [web] = await listDomains(store.directories)
  assert.equal(web?.state, 'no state')
})
