import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallXml, testStore } from '../../../test/support/test-store.ts'
import { checkIdentity, checkRunningIdentity } from './identity.ts'

const ONE = '11111111-2222-4333-8444-000000000001'
const TWO = '11111111-2222-4333-8444-000000000002'

test('checkIdentity() accepts a new domain, and the same name with the same UUID', async () => {
  await using store = await testStore()
  await store.define('web', smallXml({ name: 'web', uuid: ONE }))
  await checkIdentity(store.directories, { name: 'web', uuid: ONE })
  await checkIdentity(store.directories, { name: 'db', uuid: TWO })
})

test('checkIdentity() refuses the name of a domain with another UUID', async () => {
  await using store = await testStore()
  await store.define('web', smallXml({ name: 'web', uuid: ONE }))
  await assert.rejects(checkIdentity(store.directories, { name: 'web', uuid: TWO }), {
    code: 'DOMAIN_EXISTS',
    message: new RegExp(ONE),
  })
})

test('checkIdentity() refuses the UUID of another domain, defined or running', async () => {
  await using store = await testStore()
  await store.define('web', smallXml({ name: 'web', uuid: ONE }))
  const { uuid } = await store.run('db')
  for (const [taken, owner] of [
    [ONE, 'web'],
    [uuid, 'db'],
  ] as const)
    await assert.rejects(checkIdentity(store.directories, { name: 'new', uuid: taken }), {
      code: 'DOMAIN_EXISTS',
      message: new RegExp(`'${owner}'`),
    })
})

test('checkIdentity() allows replacing an unreadable definition', async () => {
  await using store = await testStore()
  await store.define('web', '<domain')
  await checkIdentity(store.directories, { name: 'web', uuid: ONE })
})

test('checkRunningIdentity() refuses the UUID of a domain that runs, and reads no other definition', async () => {
  await using store = await testStore()
  await store.define('web', smallXml({ name: 'web', uuid: ONE }))
  await store.define('broken', 'not XML')
  const { uuid } = await store.run('db')
  await checkRunningIdentity(store.directories, { name: 'web', uuid: ONE })
  await checkRunningIdentity(store.directories, { name: 'db', uuid })
  await assert.rejects(checkRunningIdentity(store.directories, { name: 'web', uuid }), {
    code: 'DOMAIN_EXISTS',
    message: /'db', which runs/,
  })
})
