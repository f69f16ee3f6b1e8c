import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { isAutostarted } from '../catalogue/autostart.ts'
import { setAutostart } from './autostart.ts'

test('setAutostart() switches it on and off, given the UUID too', async () => {
  await using store = await testStore()
  await store.define('web')
  assert.equal(await isAutostarted(store.directories, 'web'), false)
  const uuid = '11111111-2222-4333-8444-555555555555'
  assert.deepEqual(await setAutostart(uuid, store.directories), { name: 'web' })
  assert.equal(await isAutostarted(store.directories, 'web'), true)
  await setAutostart('web', { ...store.directories, disable: true })
  assert.equal(await isAutostarted(store.directories, 'web'), false)
})

test('setAutostart() refuses a domain without definition', async () => {
  await using store = await testStore()
  await store.run('app')
  await assert.rejects(setAutostart('app', store.directories), {
    code: 'DOMAIN_NOT_FOUND',
    message: /it only runs/,
  })
})
