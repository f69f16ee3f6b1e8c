import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { findLibvirtNetwork } from './libvirt-networks.ts'

test('findLibvirtNetwork() finds the bridge of a network, of a running one first', async () => {
  await using dir = await tempDir()
  const [running, defined] = [dir.join('running'), dir.join('defined')]
  for (const folder of [running, defined]) await mkdir(folder)
  const find = (name: string): ReturnType<typeof findLibvirtNetwork> =>
    findLibvirtNetwork(name, 'lab', [running, defined])
  const network = (inside: string): string => `<network><name>n</name>${inside}</network>`
  await writeFile(`${defined}/default.xml`, network("<bridge name='virbr0'/>"))
  await writeFile(`${defined}/office.xml`, network("<forward mode='bridge'/><bridge name='br0'/>"))
  await writeFile(
    `${running}/default.xml`,
    `<networkstatus>${network("<bridge name='virbr1' stp='on'/>")}</networkstatus>`,
  )
  await writeFile(
    `${defined}/ovs.xml`,
    network(
      `<bridge name='o'/><virtualport type='openvswitch'/><vlan><tag id='2'/></vlan>
       <portgroup name='lab'><vlan trunk='yes'><tag id='4'/><tag id='5' nativeMode='tagged'/></vlan></portgroup>`,
    ),
  )
  await writeFile(
    `${defined}/vepa.xml`,
    network("<forward mode='vepa'><interface dev='eth0'/></forward>"),
  )
  await writeFile(`${defined}/broken.xml`, '<network>')
  const bridge = async (name: string): Promise<string | undefined> => (await find(name))?.bridge
  assert.equal(await bridge('default'), 'virbr1')
  assert.equal(await bridge('office'), 'br0')
  const ovs = await find('ovs')
  assert.equal(ovs?.virtualPort?.type, 'openvswitch')
  const native = { tag: 5, mode: 'tagged' }
  assert.deepEqual(ovs.vlan, { trunk: true, tags: [4, 5], native })
  assert.deepEqual(await find('vepa'), {
    path: `${defined}/vepa.xml`,
    bridge: undefined,
    virtualPort: undefined,
    vlan: undefined,
    macvtap: { device: 'eth0', mode: 'vepa' },
  })
  for (const name of ['broken', 'absent', '../defined/default', '.default'])
    assert.equal(await find(name), undefined)
})
