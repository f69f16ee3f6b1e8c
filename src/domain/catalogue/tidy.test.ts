import assert from 'node:assert/strict'
import { access, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { testStore, writeRawImage } from '../../../test/support/test-store.ts'
import { isAlive } from '../../qemu/process/process-identity.ts'
import { HeldDomain } from './held-domain.ts'
import { imageId } from '../store/image-history.ts'
import { DomainLock } from '../store/lock.ts'
import { tidyTransient } from './tidy.ts'

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
