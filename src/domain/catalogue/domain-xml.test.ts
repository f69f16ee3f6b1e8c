import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallXml, testStore } from '../../../test/support/test-store.ts'
import { readDomainXml } from './domain-xml.ts'
import { liveDomain } from './live-domain.ts'

test('readDomainXml() returns the XML that a domain runs from, or its definition with inactive', async () => {
  await using store = await testStore()
  const defined = await store.define('web', smallXml({ name: 'web', more: '<title>new</title>' }))
  assert.equal(await readDomainXml('web', store.directories), defined)
  const live = smallXml({ name: 'web', more: '<title>old</title>' })
  await store.run('web', {}, live)
  assert.equal(await readDomainXml('web', store.directories), live)
  assert.equal(await readDomainXml('web', { ...store.directories, inactive: true }), defined)
})

test('readDomainXml() with inactive returns the live XML of a domain without definition', async () => {
  await using store = await testStore()
  const live = smallXml({ name: 'app' })
  await store.run('app', {}, live)
  assert.equal(await readDomainXml('app', { ...store.directories, inactive: true }), live)
})

test('readDomainXml() throws DOMAIN_NOT_FOUND for an unknown domain', async () => {
  await using store = await testStore()
  await assert.rejects(readDomainXml('web', store.directories), { code: 'DOMAIN_NOT_FOUND' })
})

test('liveDomain() reads the domain and ignores unsupported elements', async () => {
  await using store = await testStore()
  const devices = '<lease><key>a</key></lease>'
  await store.run('web', {}, smallXml({ name: 'web', devices }))
  assert.equal((await liveDomain(store.paths('web'))).memoryBytes, 64 * 1024 * 1024)
})
