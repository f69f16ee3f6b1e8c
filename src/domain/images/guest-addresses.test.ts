import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressMap } from './guest-addresses.ts'

const GIB = 1024 ** 3
const PAGES = GIB / 4096

function xml(machine: string): string {
  return `<domain type='kvm'><name>a</name><memory>1048576</memory><os><type arch='x86_64' machine='${machine}'>hvm</type></os></domain>`
}

for (const [machine, below] of [
  ['pc-q35-7.2', 2],
  ['q35', 2],
  ['pc-i440fx-7.2', 3],
  ['pc', 3],
] as const) {
  test(`addressMap() puts the memory of ${machine} below ${below} GiB and above 4 GiB`, () => {
    const map = addressMap(xml(machine), [
      { name: 'pc.ram', length: 5 * GIB },
      { name: 'vga.vram', length: GIB / 64 },
    ])
    assert.deepEqual(map(0, 16, 1), [{ from: 0x10000, to: 0x11000 }])
    assert.deepEqual(map(0, below * PAGES - 1, 2), [
      { from: below * GIB - 4096, to: below * GIB },
      { from: 4 * GIB, to: 4 * GIB + 4096 },
    ])
    assert.deepEqual(map(0, below * PAGES + 1, 1), [{ from: 4 * GIB + 4096, to: 4 * GIB + 8192 }])
    assert.deepEqual(map(1, 0, 1), [])
  })
}

test('addressMap() leaves no hole in memory that ends below it', () => {
  const map = addressMap(xml('pc-q35-10.0'), [{ name: 'pc.ram', length: 2.5 * GIB }])
  assert.deepEqual(map(0, 2 * PAGES, 1), [{ from: 2 * GIB, to: 2 * GIB + 4096 }])
})

test('addressMap() puts the memory of NUMA nodes one after the other', () => {
  const map = addressMap(xml('pc-q35-10.0'), [
    { name: 'ram-node1', length: 2 * GIB },
    { name: 'ram-node0', length: GIB },
  ])
  assert.deepEqual(map(0, PAGES, 1), [{ from: 4 * GIB, to: 4 * GIB + 4096 }])
  assert.deepEqual(map(1, 1, 1), [{ from: 4096, to: 8192 }])
})

test('addressMap() puts the memory of virt in one piece from 1 GiB on', () => {
  const map = addressMap(xml('virt-10.0'), [{ name: 'mach-virt.ram', length: 5 * GIB }])
  assert.deepEqual(map(0, 3 * PAGES - 1, 2), [{ from: 4 * GIB - 4096, to: 4 * GIB + 4096 }])
})

test('addressMap() knows nothing of other machines, or of a hole that was moved', () => {
  const blocks = [{ name: 'pc.ram', length: GIB }]
  assert.deepEqual(addressMap(xml('microvm'), blocks)(0, 0, 1), [])
  const moved = `${xml('q35')}<!-- -machine max-ram-below-4g=1G -->`
  assert.deepEqual(addressMap(moved, blocks)(0, 0, 1), [])
})
