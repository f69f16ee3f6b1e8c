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
    findLibvirtNetwork(name, [running, defined])
  const network = (inside: string): string => `<network><name>n</name>${inside}</network>`
  await writeFile(`${defined}/default.xml`, network("<bridge name='virbr0'/>"))
  await writeFile(`${defined}/office.xml`, network("<forward mode='bridge'/><bridge name='br0'/>"))
  await writeFile(
    `${running}/default.xml`,
    `<networkstatus>${network("<bridge name='virbr1' stp='on'/>")}</networkstatus>`,
  )
  await writeFile(
    `${defined}/ovs.xml`,
    network("<bridge name='o'/><virtualport type='openvswitch'/>"),
  )
  await writeFile(
    `${defined}/vepa.xml`,
    network("<forward mode='vepa'><interface dev='eth0'/></forward>"),
  )
  await writeFile(`${defined}/broken.xml`, '<network>')
  const bridge = async (name: string): Promise<string | undefined> => (await find(name))?.bridge
  assert.equal(await bridge('default'), 'virbr1')
  assert.equal(await bridge('office'), 'br0')
  assert.equal((await find('ovs'))?.virtualPort, 'openvswitch')
  assert.deepEqual(await find('vepa'), {
    path: `${defined}/vepa.xml`,
    bridge: undefined,
    virtualPort: undefined,
  })
  for (const name of ['broken', 'absent', '../defined/default', '.default'])
    assert.equal(await find(name), undefined)
})
