import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestStore, smallXml, testStore } from '../../../test/support/test-store.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { Finding } from './finding.ts'
import { checkDomainState, checkMemory, checkNetworks } from './host.ts'

const ONE = '11111111-2222-4333-8444-000000000001'
const TWO = '11111111-2222-4333-8444-000000000002'

function read(xml: string): Domain {
  return readDomain(parseDomainXml(xml)).domain
}

function texts(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ severity, text }) => `${severity}: ${text}`)
}

async function state(store: TestStore, uuid: string): Promise<readonly string[]> {
  const domain = read(smallXml({ name: 'web', uuid }))
  return texts(await checkDomainState(domain, store.directories, undefined))
}

test('checkDomainState() accepts an image whose name and UUID are free or its own', async () => {
  await using store = await testStore()
  assert.deepEqual(await state(store, ONE), [])
  await store.define('web', smallXml({ name: 'web', uuid: ONE }))
  await store.define('db', smallXml({ name: 'db', uuid: TWO }))
  assert.deepEqual(await state(store, ONE), [])
})

test('checkDomainState() reports a running domain, another UUID, and the UUID of another domain', async () => {
  await using store = await testStore()
  await store.define('web', smallXml({ name: 'web', uuid: ONE }))
  await store.define('db', smallXml({ name: 'db', uuid: TWO }))
  assert.deepEqual(await state(store, TWO), [
    "error: The UUID of the domain belongs to domain 'db'",
    `error: Domain 'web' is defined with another UUID, ${ONE}`,
  ])
  await store.run('web')
  assert.deepEqual(await state(store, ONE), ["error: Domain 'web' is running"])
})

test('checkNetworks() reports each missing bridge once', async () => {
  const card = (bridge: string): string =>
    `<interface type='bridge'><source bridge='${bridge}'/><model type='virtio'/></interface>`
  const devices = card('nobridge0') + card('nobridge0') + card('lo')
  await using store = await testStore()
  const domain = read(smallXml({ name: 'web', devices }))
  const findings = await checkNetworks(domain, store.directories, {})
  assert.deepEqual(texts(findings), ['error: The bridge nobridge0 is missing'])
  const networks = { nobridge0: 'user' } as const
  assert.deepEqual(await checkNetworks(domain, store.directories, { networks }), [])
})

test('checkMemory() accepts a small guest and refuses one that exceeds the host', async () => {
  const memory = async (mib: number, backing = ''): Promise<string> => {
    const xml = smallXml({ name: 'web', more: backing }).replace('>64<', `>${mib}<`)
    return texts(await checkMemory(read(xml))).join()
  }
  assert.match(await memory(1), /^ok: .* 1 MiB .* \d+ MiB/)
  assert.match(await memory(1 << 30), /^error: .* 1073741824 MiB .* \d+ MiB/)
  const huge = "<memoryBacking><hugepages><page size='1' unit='G'/></hugepages></memoryBacking>"
  assert.match(await memory(1 << 30, huge), /^error: .* MiB in huge pages/)
})
