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
    image: import.meta.filename,
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

test('listDomains() filters by state and by definition', async () => {
  await using store = await testStore()
  for (const name of ['off', 'on', 'held']) await store.define(name)
  for (const name of ['on', 'held', 'gone', 'asleep']) await store.run(name)
  await using _on = await fakeStatus(store.paths('on'), () => 'running')
  await using _held = await fakeStatus(store.paths('held'), () => 'paused')
  await using _gone = await fakeStatus(store.paths('gone'), () => 'running')
  await using _asleep = await fakeStatus(store.paths('asleep'), () => 'suspended')
  for (const [options, expected] of [
    [{ inactive: true }, ['off']],
    [{ inactive: true, all: true }, ['asleep', 'gone', 'held', 'on', 'off']],
    [{ states: ['running'] }, ['gone', 'on']],
    [{ states: ['paused', 'other'] }, ['asleep', 'held']],
    [{ states: ['shut off'] }, []],
    [{ states: ['shut off', 'paused'], all: true }, ['held', 'off']],
    [{ persistent: false }, ['asleep', 'gone']],
    [{ persistent: true, all: true }, ['held', 'on', 'off']],
  ] as const) {
    assert.deepEqual(await names(store, options), expected, JSON.stringify(options))
  }
})

test('listDomains() reads titles only when asked', async () => {
  await using store = await testStore()
  await store.define(
    'a',
    smallXml({ name: 'a' }).replace('</name>', '</name><title>A &amp; B</title>'),
  )
  await store.define('b')
  const titles = async (title: boolean): Promise<readonly (string | undefined)[]> =>
    (await listDomains({ ...store.directories, all: true, title })).map((one) => one.title)
  assert.deepEqual(await titles(true), ['A & B', undefined])
  assert.deepEqual(await titles(false), [undefined, undefined])
})

test('listDomains() lists the others when a definition cannot be read', async () => {
  await using store = await testStore()
  await store.define('web')
  await mkdir(`${store.directories.stateDir}/domains/odd.xml`)
  const domains = await listDomains({ ...store.directories, all: true })
  assert.deepEqual(
    domains.map(({ name, state, fault }) => [name, state, fault?.code]),
    [
      ['odd', 'unknown', 'IO_ERROR'],
      ['web', 'shut off', undefined],
    ],
  )
})
