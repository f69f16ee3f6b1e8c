import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { ImageError, QemuError, StorageError } from '../../errors.ts'
import {
  changePostcopyRecord,
  faultError,
  hasPostcopyRecord,
  readPostcopyProgress,
  readPostcopyRecord,
  recordableFault,
  removePostcopyRecord,
  writePostcopyProgress,
  writePostcopyRecord,
} from './postcopy-record.ts'

const RECORD = {
  id: 'one',
  image: '/a.save',
  machine: 'digest',
  readers: 4,
  hostPageSizes: { 'pc.ram': 2097152 },
}

test('changePostcopyRecord() changes only the record of its own restore', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await mkdir(paths.directory, { recursive: true })
  assert.equal(await changePostcopyRecord(paths, 'one', { readers: 8 }), undefined)
  assert.equal(await readPostcopyRecord(paths), undefined)
  await writePostcopyRecord(paths, RECORD)
  assert.equal(await changePostcopyRecord(paths, 'two', { readers: 8 }), undefined)
  assert.deepEqual(await readPostcopyRecord(paths), RECORD)
  const changed = { ...RECORD, readers: 8 }
  assert.deepEqual(await changePostcopyRecord(paths, 'one', { readers: 8 }), changed)
  assert.deepEqual(await readPostcopyRecord(paths), changed)
})

test('readPostcopyProgress() returns the progress of that restore only', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await mkdir(paths.directory, { recursive: true })
  assert.equal(await readPostcopyProgress(paths, 'one'), undefined)
  await writePostcopyProgress(paths, { id: 'one', remainingBytes: 4096 })
  assert.equal((await readPostcopyProgress(paths, 'one'))?.remainingBytes, 4096)
  assert.equal(await readPostcopyProgress(paths, 'two'), undefined)
})

test('removePostcopyRecord() removes record and progress', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await mkdir(paths.directory, { recursive: true })
  await writePostcopyRecord(paths, RECORD)
  await writePostcopyProgress(paths, { id: 'one' })
  await removePostcopyRecord(paths)
  assert.equal(await readPostcopyRecord(paths), undefined)
  assert.equal(await readPostcopyProgress(paths, 'one'), undefined)
})

test('faultError() rebuilds the error that recordableFault() recorded', () => {
  const facts = { path: '/a.save', hint: 'do this' }
  for (const error of [
    new ImageError('IMAGE_CORRUPT', 'damaged', { ...facts, offset: 7 }),
    new StorageError('NO_SPACE', 'full', facts),
    new QemuError('QEMU_DIED', 'gone', facts),
  ]) {
    const again = faultError(JSON.parse(JSON.stringify(recordableFault(error))))
    assert.equal(again.constructor, error.constructor)
    for (const fact of ['code', 'message', 'path', 'offset', 'hint'] as const)
      assert.equal(again[fact], error[fact])
  }
})

test('recordableFault() records a foreign error as a broken stream', () => {
  const fault = recordableFault(new Error('what'))
  assert.deepEqual(fault, { kind: 'qemu', code: 'QEMU_STREAM', message: 'what' })
})

test('a restore that began before records had versions keeps its files until all memory is there', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await mkdir(paths.directory, { recursive: true })
  const file = (name: string): string => join(paths.directory, name)
  await writeFile(file('fill.json'), JSON.stringify(RECORD))
  await writeFile(file('fill-progress.json'), JSON.stringify({ id: 'one', remainingBytes: 4096 }))
  assert.equal(await hasPostcopyRecord(paths), true)
  assert.deepEqual(await readPostcopyRecord(paths), RECORD)
  assert.equal((await readPostcopyProgress(paths, 'one'))?.remainingBytes, 4096)
  await changePostcopyRecord(paths, 'one', { readers: 8 })
  await writePostcopyProgress(paths, { id: 'one', remainingBytes: 0 })
  assert.deepEqual((await readdir(paths.directory)).toSorted(), ['fill-progress.json', 'fill.json'])
  assert.equal((await readPostcopyRecord(paths))?.readers, 8)
  await removePostcopyRecord(paths)
  assert.deepEqual(await readdir(paths.directory), [])
})

test('readPostcopyRecord() refuses a record with parts of a wrong shape', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await mkdir(paths.directory, { recursive: true })
  const fault = { kind: 'image', code: 'IMAGE_CORRUPT', message: 'm' }
  const wrong = [
    { fault: { ...fault, kind: 'other' } },
    { fault: { ...fault, message: 3 } },
    { fault: null },
    { server: null },
    { supervisor: { pid: 1 } },
    { hostPageSizes: { 'pc.ram': '4096' } },
  ]
  for (const change of wrong) {
    await writeFile(paths.postcopy, JSON.stringify({ ...RECORD, ...change }))
    await assert.rejects(readPostcopyRecord(paths), { code: 'STATE_UNREADABLE' })
  }
  await writeFile(paths.postcopy, JSON.stringify({ ...RECORD, fault }))
  assert.deepEqual((await readPostcopyRecord(paths))?.fault, fault)
})
