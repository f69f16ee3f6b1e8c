import assert from 'node:assert/strict'
import { access, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { testStore, writeRawImage } from '../../../test/support/test-store.ts'
import { isAlive } from '../../qemu/process/process-identity.ts'
import { HeldDomain } from './held-domain.ts'
import { imageId } from '../store/saves/image-history.ts'
import { DomainLock } from '../store/lock.ts'
import { writePostcopyRecord } from '../store/postcopy-record.ts'
import { SecondName } from '../store/second-name.ts'
import { tidyTransient } from './tidy.ts'

const RESTORE = { id: '1', machine: '', readers: 1, hostPageSizes: {} }
const DESCRIPTION = { xml: '<a/>', cookie: undefined, wasRunning: true, id: '1'.repeat(32) }

test('each operation removes temporary files of killed writers, not those of living ones', async () => {
  await using store = await testStore()
  const { stateDir } = store.directories
  // Linux gives no pid as high as the first.
  const [dead, living] = ['.a.json.4999999-1.partial', `.a.json.${process.pid}-1.partial`]
  for (const name of ['domains', 'images', 'ended', 'jobs', 'orders']) {
    await mkdir(join(stateDir, name), { recursive: true })
    for (const file of [dead, living, 'a.json']) await writeFile(join(stateDir, name, file), '')
  }
  {
    await using _held = await HeldDomain.named('web', 'test', store.directories)
  }
  for (const name of ['domains', 'images', 'ended', 'jobs', 'orders'])
    assert.deepEqual((await readdir(join(stateDir, name))).toSorted(), [living, 'a.json'], name)
})

test('each operation removes second names of images that a power cut has left', async () => {
  await using store = await testStore()
  await store.define('web')
  const image = store.join('image')
  await writeFile(image, 'x')
  const second = await SecondName.of(image, store.paths('web'))
  second.detach()
  const { directories } = store
  const [name = ''] = await readdir(store.paths('web').secondNames)
  const record = join(store.paths('web').secondNames, name)
  const act = async (): Promise<number> => {
    await using _held = await HeldDomain.named('db', 'test', directories)
    return (await stat(image)).nlink
  }
  assert.equal(await act(), 2, 'the process that made it may still need it')
  const dead = (await readFile(record, 'utf8')).replace(/"pid": *\d+/, '"pid":4999999')
  await writeFile(record, dead)
  const restore = { ...RESTORE, image, kept: second.path }
  await store.run('web')
  await writePostcopyRecord(store.paths('web'), restore)
  assert.equal(await act(), 2, 'a restore needs it')
  await rm(store.paths('web').directory, { recursive: true })
  assert.equal(await act(), 1)
  assert.deepEqual(await readdir(store.paths('web').secondNames), [])
})

test('tidyTransient() puts domains in order that are not defined and whose QEMU is dead', async () => {
  await using store = await testStore()
  await store.define('defined')
  await store.runDead('defined')
  await store.runDead('transient')
  await store.runDead('busy')
  const running = await store.run('running')
  const image = store.join('saved.save')
  const saving = { path: image, imageId: imageId(DESCRIPTION), running: true }
  const saved = await store.run('saved', { saving })
  await writeRawImage(image, DESCRIPTION)
  await store.run('unreadable')
  await writeFile(store.paths('unreadable').process, '{')
  {
    await using _lock = await DomainLock.acquire('busy', store.paths('busy'), 'test')
    await tidyTransient(store.directories)
  }
  for (const name of ['defined', 'busy', 'running', 'unreadable'])
    await access(store.paths(name).process)
  for (const name of ['transient', 'saved'])
    await assert.rejects(access(store.paths(name).directory), { code: 'ENOENT' }, name)
  assert.equal(await isAlive(saved), false)
  assert.equal(await isAlive(running), true)
})
