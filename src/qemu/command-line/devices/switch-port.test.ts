import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Vlan } from '../../domain-xml/model/devices/virtual-port.ts'
import { addPortCommands } from './switch-port.ts'

function added(vlan: Vlan | undefined): readonly string[] {
  const facts = { name: 'p', bridge: 'b', mac: 'm', domainUuid: 'u', interfaceId: 'i' }
  const commands = addPortCommands({ ...facts, profileId: undefined, vlan })
  return commands.slice(0, commands.indexOf('--', 1))
}

test('addPortCommands() puts a port into one VLAN, or into the VLANs of a trunk', () => {
  const add = ['--', 'add-port', 'b', 'p']
  assert.deepEqual(added(undefined), add)
  assert.deepEqual(added({ trunk: false, tags: [42], native: undefined }), [...add, 'tag=42'])
  assert.deepEqual(added({ trunk: true, tags: [1, 2], native: { tag: 2, mode: 'tagged' } }), [
    ...add,
    ...['vlan_mode=native-tagged', 'tag=2', 'trunks=[1,2]'],
  ])
})

test('addPortCommands() says whose port it is', () => {
  const facts = { name: 'p', bridge: 'b', mac: 'm', domainUuid: 'u', interfaceId: 'i' }
  const text = addPortCommands({ ...facts, profileId: 'a "b"', vlan: undefined }).join(' ')
  assert.match(text, /set Interface p external_ids:attached-mac="m" -- /)
  assert.match(text, /external_ids:iface-id="i" .*:vm-id="u" .*:port-profile="a \\"b\\"" /)
  assert.match(text, /external_ids:iface-status="active"$/)
})
