import assert from 'node:assert/strict'
import { access, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { snapshotOf } from '../../../test/support/snapshot.ts'
import { testStore, writeRawImage } from '../../../test/support/test-store.ts'
import { identifyProcess, isAlive } from '../../qemu/process/process-identity.ts'
import { imageId } from '../store/saves/image-history.ts'
import { DomainLock } from '../store/lock.ts'
import { writeRecord } from '../store/runtime-record.ts'
import { observe } from './presence.ts'

const DESCRIPTION = { xml: '<a/>', cookie: undefined, wasRunning: true, id: '1'.repeat(32) }

test('observe() returns the record of a running QEMU and does not take the lock', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const { pid } = await store.run('web')
  await using _lock = await DomainLock.acquire('web', paths, 'test')
  assert.equal((await observe(paths)).record?.pid, pid)
})

test('observe() describes a dead QEMU and leaves its files', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await mkdir(dirname(paths.managedSave), { recursive: true })
  await writeRawImage(paths.managedSave)
  const restoredFrom = {
    path: paths.managedSave,
    imageId: '',
    managed: true,
    begun: true,
    ran: true,
  }
  await store.runDead('web', { restoredFrom })
  await writeFile(paths.controlSocket, '')
  await writeFile(paths.formerLog, 'qemu: out of memory\n')
  const before = await snapshotOf(store.join())
  const { record, end, consumed } = await observe(paths)
  assert.equal(record, undefined)
  assert.deepEqual([end?.reason, end?.lastLines], ['crashed', 'qemu: out of memory'])
  assert.ok(consumed, 'its managed save is too old')
  await unlink(paths.controlSocket)
  assert.equal((await observe(paths)).end?.reason, 'shutdown')
  await writeFile(paths.controlSocket, '')
  assert.equal((await snapshotOf(store.join())).length, before.length)
})

// The first kernel thread: alive and without a command line, as a QEMU is while the kernel frees its memory.
const ENDING = 2
const skip =
  (await readFile(`/proc/${ENDING}/cmdline`, 'utf8').catch(() => 'none')) !== '' &&
  'no kernel thread can be seen here'

test('observe() describes a QEMU that is ending as dead', { skip }, async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const dead = await store.runDead('web')
  await writeRecord(paths, { ...dead, ...(await identifyProcess(ENDING)) })
  await writeFile(paths.controlSocket, '')
  const { record, end } = await observe(paths)
  assert.equal(record, undefined)
  assert.equal(end?.reason, 'crashed')
})

test('observe() describes an interrupted start and a killed save, and ends no QEMU', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const starting = await store.run('web', { stage: 'starting' })
  assert.equal((await observe(paths)).record, undefined)
  assert.ok(await isAlive(starting))
  const image = store.join('web.save')
  const saving = { path: image, imageId: imageId(DESCRIPTION), running: true }
  const record = await store.run('web', { saving })
  await store.kill(starting)
  const before = await snapshotOf(store.join())
  const found = (await observe(paths)).record
  assert.deepEqual([found?.interrupted, found?.saving], [true, undefined])
  assert.deepEqual(await snapshotOf(store.join()), before)
  {
    await using _lock = await DomainLock.acquire('web', paths, 'save')
    assert.deepEqual((await observe(paths)).record?.saving, saving, 'a save is in progress')
  }
  await writeRawImage(image, DESCRIPTION)
  const { record: none, end } = await observe(paths)
  assert.equal(none, undefined)
  assert.deepEqual([end?.reason, end?.image], ['saved', image])
  assert.ok(await isAlive(record))
})

test('observe() creates nothing for a domain that never ran', async () => {
  await using store = await testStore()
  assert.equal((await observe(store.paths('web'))).record, undefined)
  await assert.rejects(access(store.directories.runtimeDir), { code: 'ENOENT' })
})
