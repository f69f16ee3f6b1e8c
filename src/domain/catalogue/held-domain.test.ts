import assert from 'node:assert/strict'
import { access, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { testStore, writeRawImage } from '../../../test/support/test-store.ts'
import { HeldDomain } from './held-domain.ts'
import { recordEnd } from '../store/last-end.ts'

test('HeldDomain.find() locks the domain and has its record', async () => {
  await using store = await testStore()
  const { pid, uuid } = await store.run('web')
  await using held = await HeldDomain.find(uuid, 'test', store.directories)
  assert.equal(held.name, 'web')
  assert.equal(held.requireRunning().pid, pid)
  assert.throws(() => held.requireOff(), { code: 'DOMAIN_RUNNING', hint: new RegExp(`${pid}`) })
  await assert.rejects(HeldDomain.named('web', 'test', store.directories), { code: 'DOMAIN_BUSY' })
})

test('HeldDomain.named() locks a name without a domain, and leaves no directory', async () => {
  await using store = await testStore()
  {
    await using held = await HeldDomain.named('web', 'test', store.directories)
    held.requireOff()
    assert.throws(() => held.requireRunning(), {
      code: 'DOMAIN_NOT_RUNNING',
      hint: /stasis start web/,
    })
  }
  await assert.rejects(access(store.paths('web').directory), { code: 'ENOENT' })
})

test('HeldDomain.requireRunning() points to the image of a saved domain', async () => {
  await using store = await testStore()
  const image = store.join('web.save')
  await writeRawImage(image)
  await recordEnd(store.paths('web'), 'saved', { image })
  await using held = await HeldDomain.named('web', 'test', store.directories)
  assert.throws(() => held.requireRunning(), { hint: new RegExp(`stasis restore ${image}`) })
})

test('HeldDomain.named() releases the lock when the record cannot be read', async () => {
  await using store = await testStore()
  await store.run('web')
  await writeFile(store.paths('web').process, '{')
  for (let attempt = 0; attempt < 2; attempt += 1)
    await assert.rejects(HeldDomain.named('web', 'test', store.directories), {
      code: 'STATE_UNREADABLE',
    })
})
