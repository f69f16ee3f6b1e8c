import assert from 'node:assert/strict'
import { test } from 'node:test'
import { machineVersion } from './board/machine-version.ts'
import { chipsetOf } from '../domain-xml/chipset.ts'
import { diskNumber } from '../domain-xml/disk-name.ts'
import { grouped } from '../domain-xml/grouping.ts'

test('diskNumber() counts the letters of a disk name', () => {
  const numbers = { vda: 0, vdz: 25, vdaa: 26, sdzz: 701, sdaaa: 702, fda: 0, xvdb: 1 }
  for (const [name, number] of Object.entries(numbers)) assert.equal(diskNumber(name), number, name)
  for (const name of ['vd', 'vd1', 'vdA', 'vdaaaa', 'nvme0', ''])
    assert.equal(diskNumber(name), undefined, name)
})

test('chipsetOf() recognises q35, pc and virt in every naming', () => {
  const chipsets = {
    q35: 'q35',
    'pc-q35-7.2': 'q35',
    'pc-q35-rhel9.2.0': 'q35',
    pc: 'i440fx',
    'pc-i440fx-7.2': 'i440fx',
    'pc-i440fx-rhel7.6.0': 'i440fx',
    'pc-1.3': 'i440fx',
    virt: 'virt',
    'virt-7.2': 'virt',
    'virt-rhel9.2.0': 'virt',
  }
  for (const [machine, chipset] of Object.entries(chipsets))
    assert.equal(chipsetOf(machine), chipset, machine)
  for (const machine of ['microvm', 'virtual', 'isapc', 'pcx'])
    assert.equal(chipsetOf(machine), undefined, machine)
})

test('machineVersion() reads the version in a machine type', () => {
  assert.deepEqual(machineVersion('pc-q35-7.2'), { major: 7, minor: 2 })
  assert.deepEqual(machineVersion('pc-i440fx-10.0'), { major: 10, minor: 0 })
  assert.deepEqual(machineVersion('pc-1.3'), { major: 1, minor: 3 })
  assert.deepEqual(machineVersion('virt-7.2'), { major: 7, minor: 2 })
  for (const machine of ['q35', 'pc', 'pc-q35-rhel9.2.0', 'microvm'])
    assert.equal(machineVersion(machine), undefined, machine)
})

test('grouped() keeps the place of each group and sorts inside it', () => {
  const items = ['b2', 'a1', 'b1', 'c1', 'a0']
  const sorted = grouped(
    items,
    (item) => item[0],
    (item) => Number(item[1]),
  )
  assert.deepEqual(sorted, ['b1', 'b2', 'a0', 'a1', 'c1'])
})
