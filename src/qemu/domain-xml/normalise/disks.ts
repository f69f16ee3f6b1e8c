import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, requiredAttribute, requiredChild } from '../access.ts'
import { diskNumber } from '../disk-name.ts'
import { invalid, place } from '../location.ts'
import { readAddress } from '../model/buses/address.ts'
import { busByName, type Disk } from '../model/storage/disk.ts'
import { create, insertBefore, setDefault } from './edit.ts'

/** Buses on which a disk has an address on a controller. */
const CONTROLLED = ['ide', 'sata', 'scsi', 'fdc']

/** Fills in disks: format, bus, and each one's address on its controller. */
export function fillDisks(devices: Element): void {
  const taken = new Map<string, Element>()
  const names = new Map<string, Element>()
  const disks = children(devices, 'disk')
  for (const disk of disks) {
    fillDisk(disk)
    claim(names, attribute(child(disk, 'target'), 'dev') ?? '', disk, 'the name')
  }
  for (const disk of disks) {
    const bus = busOf(disk)
    if (!CONTROLLED.includes(bus)) continue
    const address = readAddress(disk) ?? addressByName(disk, bus)
    if (address.type !== 'drive') continue
    const { controller, bus: line, target, unit } = address
    claim(taken, `${bus} ${controller}:${line}:${target}:${unit}`, disk, 'the address')
  }
}

/** The bus of a disk that has been filled in. */
export function busOf(disk: Element): Disk['bus'] {
  return attribute(child(disk, 'target'), 'bus') as Disk['bus']
}

/** Records the owner of something; @throws DomainXmlError `XML_INVALID` with both elements when another one owns it. */
export function claim(
  taken: Map<string, Element>,
  address: string,
  element: Element,
  kind: string,
): void {
  const other = taken.get(address)
  if (other !== undefined)
    throw invalid(element, `${kind} ${address} is already used by ${place(other)}`)
  taken.set(address, element)
}

function fillDisk(disk: Element): void {
  setDefault(disk, 'type', 'file')
  setDefault(disk, 'device', 'disk')
  const target = requiredChild(disk, 'target')
  const dev = requiredAttribute(target, 'dev')
  const device = attribute(disk, 'device') as Disk['device']
  setDefault(target, 'bus', busByDevice(target, dev, device))
  const driver = child(disk, 'driver') ?? insertBefore(disk, create(disk, 'driver'), () => true)
  setDefault(driver, 'name', 'qemu')
  setDefault(driver, 'type', 'raw')
  if (device === 'cdrom' && child(disk, 'readonly') === undefined) addReadonly(disk)
  const shared = child(disk, 'shareable') !== undefined && child(disk, 'readonly') === undefined
  if (shared) setDefault(driver, 'cache', 'none')
}

function busByDevice(target: Element, dev: string, device: Disk['device']): Disk['bus'] {
  return attribute(target, 'bus') === undefined
    ? busByName(target, dev, device)
    : (attribute(target, 'bus') as Disk['bus'])
}

function addReadonly(disk: Element): void {
  const before = ['auth', 'driver', 'source', 'backingStore', 'mirror', 'geometry', 'blockio']
  before.push('target', 'iotune')
  insertBefore(disk, create(disk, 'readonly'), (one) => !before.includes(one.nodeName))
}

/** By the disk's name, as in libvirt: `sdb` is the second one. Unit 7 and up go to the next SCSI controller. */
function addressByName(disk: Element, bus: Disk['bus']): ReturnType<typeof readAddress> & object {
  const index = diskIndex(disk)
  const numbers = {
    ide: { controller: Math.floor(index / 4), bus: Math.floor((index % 4) / 2), unit: index % 2 },
    sata: { controller: Math.floor(index / 6), bus: 0, unit: index % 6 },
    scsi: { controller: Math.floor(index / 7), bus: 0, unit: index % 7 },
    fdc: { controller: Math.floor(index / 2), bus: 0, unit: index % 2 },
  }[bus as 'ide' | 'sata' | 'scsi' | 'fdc']
  const address = create(disk, 'address', {
    type: 'drive',
    controller: numbers.controller,
    bus: numbers.bus,
    target: 0,
    unit: numbers.unit,
  })
  const present = child(disk, 'address')
  if (present !== undefined) disk.removeChild(present)
  disk.appendChild(address)
  return { type: 'drive', target: 0, ...numbers }
}

function diskIndex(disk: Element): number {
  const target = requiredChild(disk, 'target')
  const dev = requiredAttribute(target, 'dev')
  const number = diskNumber(dev)
  if (number === undefined) throw invalid(target, `"${dev}" is not a valid disk name`)
  return number
}
