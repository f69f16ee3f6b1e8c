import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { readRecord } from './runtime-record.ts'

test('readRecord() reads the names that records had before versions', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const record = await store.run('web')
  const old = {
    ...record,
    saving: { path: '/a.save', key: 'k1', running: true },
    origin: { path: '/b.save', key: 'k2', managed: false, begun: true },
  }
  await writeFile(paths.process, JSON.stringify(old))
  const { saving, restoredFrom, ...rest } = (await readRecord(paths)) ?? {}
  assert.deepEqual(saving, { path: '/a.save', imageId: 'k1', running: true })
  assert.deepEqual(restoredFrom, {
    path: '/b.save',
    imageId: 'k2',
    managed: false,
    begun: true,
  })
  assert.deepEqual(rest, record)
})

test('readRecord() throws STATE_UNREADABLE when any required field is wrong', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const record = await store.run('web')
  for (const change of [
    { pid: 0 },
    { startTime: '7' },
    { bootId: undefined },
    { uuid: 7 },
    { stage: 'ended' },
    { commandLine: 'qemu' },
    { commandLine: [7] },
    { attached: {} },
    { saving: { path: '/a' } },
    { restoredFrom: { path: '/a', imageId: '', managed: true } },
  ]) {
    await writeFile(paths.process, JSON.stringify({ version: 1, ...record, ...change }))
    const text = JSON.stringify(change)
    await assert.rejects(readRecord(paths), { code: 'STATE_UNREADABLE' }, text)
  }
})
