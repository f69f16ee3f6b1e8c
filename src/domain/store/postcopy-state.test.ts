import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestStore, testStore } from '../../../test/support/test-store.ts'
import { identifyProcess } from '../../qemu/process/process-identity.ts'
import {
  type PostcopyRecord,
  removePostcopyRecord,
  writePostcopyProgress,
  writePostcopyRecord,
} from './postcopy-record.ts'
import { postcopyState, waitForAllMemory } from './postcopy-state.ts'

const FAULT = { kind: 'image', code: 'IMAGE_CORRUPT', message: 'frame 3 is damaged' } as const

async function lazyDomain(store: TestStore, more: Partial<PostcopyRecord> = {}): Promise<void> {
  await store.run('web')
  await writePostcopyRecord(store.paths('web'), {
    id: 'one',
    image: import.meta.filename,
    machine: 'digest',
    readers: 4,
    hostPageSizes: {},
    ...more,
  })
}

test('postcopyState() is undefined when all memory is there', async () => {
  await using store = await testStore()
  await store.run('web')
  assert.equal(await postcopyState(store.paths('web')), undefined)
})

test('postcopyState() is filling while a server or a supervisor lives', async () => {
  const alive = await identifyProcess(process.pid)
  for (const part of ['server', 'supervisor'] as const) {
    await using store = await testStore()
    await lazyDomain(store, { [part]: alive })
    await writePostcopyProgress(store.paths('web'), { id: 'one', remainingBytes: 8192 })
    const state = await postcopyState(store.paths('web'))
    assert.equal(state?.state, 'filling')
    assert.equal(state.remainingBytes, 8192)
  }
})

test('postcopyState() is stopped when both have died, and lost when the image is gone as well', async () => {
  await using store = await testStore()
  const dead = await store.runDead('other')
  const state = async (more: Partial<PostcopyRecord>): Promise<string | undefined> => {
    await lazyDomain(store, more)
    return (await postcopyState(store.paths('web')))?.state
  }
  const gone = { image: '/nowhere/a.save' }
  const both = { server: dead, supervisor: dead }
  const alive = await identifyProcess(process.pid)
  assert.equal(await state(both), 'stopped')
  assert.equal(await state({ ...both, ...gone }), 'lost')
  assert.equal(await state({ ...both, ...gone, kept: import.meta.filename }), 'stopped')
  assert.equal(await state({ ...gone, server: alive }), 'filling')
  const missing = { ...FAULT, code: 'FILE_NOT_FOUND' }
  assert.equal(await state({ ...gone, supervisor: alive, fault: missing }), 'lost')
  const another = { ...FAULT, code: 'IMAGE_INCOMPATIBLE' }
  assert.equal(await state({ supervisor: alive, fault: another }), 'lost')
})

test('postcopyState() knows how much has arrived', async () => {
  await using store = await testStore()
  await lazyDomain(store, { server: await identifyProcess(process.pid) })
  const progress = { id: 'one', remainingBytes: 55, totalBytes: 100 }
  await writePostcopyProgress(store.paths('web'), progress)
  assert.equal((await postcopyState(store.paths('web')))?.percent, 45)
})

test('postcopyState() is failed with the fault of the record, or of the progress', async () => {
  await using store = await testStore()
  const alive = await identifyProcess(process.pid)
  await lazyDomain(store, { server: alive, fault: FAULT })
  assert.deepEqual((await postcopyState(store.paths('web')))?.fault, FAULT)
  await lazyDomain(store, { server: alive })
  const fault = { ...FAULT, waiting: true }
  await writePostcopyProgress(store.paths('web'), { id: 'one', fault })
  assert.equal((await postcopyState(store.paths('web')))?.state, 'failed')
})

test('waitForAllMemory() reports the progress and settles when the record is removed', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await lazyDomain(store, { server: await identifyProcess(process.pid) })
  const reported: string[] = []
  await waitForAllMemory('web', paths, undefined, ({ state }) => {
    reported.push(state)
    void removePostcopyRecord(paths)
  })
  assert.deepEqual(reported, ['filling'])
})

test('waitForAllMemory() throws when the memory will not arrive, or its signal is aborted', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await lazyDomain(store, { image: '/nowhere/a.save' })
  await assert.rejects(waitForAllMemory('web', paths, undefined), { code: 'DOMAIN_MEMORY_LOST' })
  await lazyDomain(store)
  await assert.rejects(waitForAllMemory('web', paths, undefined), {
    code: 'DOMAIN_WRONG_STATE',
    hint: /postcopy-recover web/,
  })
  await lazyDomain(store, { server: await identifyProcess(process.pid) })
  const signal = AbortSignal.timeout(50)
  await assert.rejects(waitForAllMemory('web', paths, signal), { code: 'CANCELLED' })
})
