import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MachineShape, checkShape } from './shape.ts'

const shape: MachineShape = {
  machine: 'pc-q35-7.2',
  blocks: [
    { name: 'pc.ram', bytes: 1024 },
    { name: '/rom@etc/acpi/tables', bytes: 128 },
    { name: '0000:00:02.0/virtio-net-pci.rom', bytes: 64 },
  ],
  devices: [
    { name: 'timer', instance: 0, version: 2 },
    { name: '0000:00:02.0/virtio-net', instance: 0, version: 11 },
  ],
}

function faultsOf(saved: Partial<MachineShape>): readonly string[] {
  return checkShape({ ...shape, ...saved }, shape)
    .filter(({ severity }) => severity === 'error')
    .map(({ code, text }) => `${code}: ${text}`)
}

test('checkShape() finds no fault when the machines are alike', () => {
  assert.deepEqual(
    checkShape(shape, shape).map(({ severity }) => severity),
    ['ok', 'ok'],
  )
})

test('checkShape() reports a different machine type', () => {
  assert.match(faultsOf({ machine: 'pc-q35-6.2' })[0] ?? '', /MACHINE_TYPE: .*pc-q35-6.2/)
})

test('checkShape() names memory blocks that are missing or have another size', () => {
  const blocks = [
    { name: 'pc.ram', bytes: 2048 },
    { name: 'mem1', bytes: 5 },
    { name: '/rom@etc/acpi/tables', bytes: 256 },
  ]
  assert.deepEqual(faultsOf({ blocks }), [
    'RAM_BLOCKS: The memory block pc.ram has 2048 bytes in the image and 1024 here',
    'RAM_BLOCKS: The image has the memory block mem1, which the machine of this XML lacks',
  ])
})

test('checkShape() names devices that are missing or newer than this QEMU', () => {
  const devices = [
    { name: 'timer', instance: 0, version: 3 },
    { name: 'slirp', instance: 0, version: 6 },
  ]
  assert.deepEqual(faultsOf({ devices }), [
    'DEVICES: The state of "timer" has version 3; this QEMU reads versions up to 2',
    'DEVICES: The image has the state of the device "slirp", which the machine of this XML lacks',
  ])
})

test('checkShape() accepts more devices and blocks on the side of this QEMU', () => {
  assert.deepEqual(
    faultsOf({ devices: shape.devices.slice(0, 1), blocks: shape.blocks.slice(1) }),
    [],
  )
})

test('checkShape() reports that devices were not compared when the image does not describe them', () => {
  const findings = checkShape({ ...shape, devices: [] }, shape)
  assert.deepEqual(
    findings.map(({ severity }) => severity),
    ['ok', 'warning'],
  )
})
