import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeMonitor, ok } from '../../../test/support/fake-monitor.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { changesSinceStart } from './changes-since-start.ts'

interface Machine {
  /** Devices by name, and whether they were plugged in. */
  readonly named?: Readonly<Record<string, boolean>>
  readonly unnamed?: Readonly<Record<string, boolean>>
  readonly blocks?: readonly object[]
}

async function changes(argv: string, machine: Machine): Promise<readonly string[]> {
  const { named = {}, unnamed = {}, blocks = [] } = machine
  const devices: Readonly<Record<string, boolean>> = { ...named, ...unnamed }
  await using fake = await fakeMonitor((command) => {
    const path = String(command.arguments?.['path'])
    const name = path.split('/').at(-1) ?? ''
    const list = name === 'peripheral' ? named : unnamed
    if (command.execute === 'qom-list')
      return ok(command, [
        { name: 'type', type: 'string' },
        ...Object.keys(list).map((one) => ({ name: one, type: 'child<virtio-net-pci>' })),
      ])
    if (command.execute === 'qom-get') return ok(command, devices[name])
    return ok(command, blocks)
  })
  await using qmp = await QmpConnection.connect(fake.path)
  return await changesSinceStart(qmp, argv.split(' '))
}

test('changesSinceStart() finds nothing on a machine as its command line creates it', async () => {
  const machine = {
    named: { net0: false, net1: false },
    unnamed: { 'device[0]': false },
    blocks: [{ device: 'd', inserted: { file: '/disks/a' } }, { device: 'cd' }],
  }
  const argv = `-device virtio-net-pci,id=net0 -device {"driver":"e1000","id":"net1"} -device usb-ehci -drive file=/disks/a`
  assert.deepEqual(await changes(argv, machine), [])
})

test('changesSinceStart() finds devices that were plugged in or out', async () => {
  const machine = { named: { net0: true }, unnamed: { 'device[1]': true } }
  assert.deepEqual(await changes('-device virtio-net-pci,id=net1', machine), [
    'the device net0 (virtio-net-pci) was plugged in after its start',
    'the device device[1] (virtio-net-pci) was plugged in after its start',
    'the device net1 of its command line was unplugged',
  ])
})

test('changesSinceStart() finds disks that the command line does not name', async () => {
  const block = (file: string): object => ({ device: '', qdev: '/m/vda', inserted: { file } })
  const found = async (argv: string, file: string): Promise<number> =>
    (await changes(argv, { blocks: [block(file)] })).length
  assert.equal(await found('-drive file=/a', '/snapshot'), 1)
  assert.equal(await found('-drive file=/a,,b', '/a,b'), 0)
  assert.equal(await found('-blockdev {"filename":"/a\\"b"}', '/a"b'), 0)
  // A file on another host is named in other ways, and cannot have been replaced here.
  assert.equal(await found('-drive driver=nbd,host=h', 'nbd://h:10809'), 0)
  const overlay = 'json:{"driver":"qcow2","file":{"driver":"file","filename":"/tmp/overlay"}}'
  assert.equal(await found('-drive file=/a', overlay), 1)
  assert.equal(await found('-drive file=/tmp/overlay', overlay), 0)
})
