import type { Element } from '@xmldom/xmldom'
import { attribute, child } from '../../access.ts'
import { type PciAddress, readAddress } from '../../model/buses/address.ts'
import { create } from '../edit.ts'

/** A device's PCI address, if it has one. */
export function pciAddressOf(device: Element): PciAddress | undefined {
  if (attribute(child(device, 'address'), 'type') !== 'pci') return undefined
  const address = readAddress(device)
  return address?.type === 'pci' ? address : undefined
}

/** Gives a device a PCI address in libvirt's notation. */
export function writePciAddress(device: Element, address: Omit<PciAddress, 'type'>): void {
  const present = child(device, 'address')
  const element = create(device, 'address', {
    type: 'pci',
    domain: hex(0, 4),
    bus: hex(address.bus, 2),
    slot: hex(address.slot, 2),
    function: hex(address.function, 1),
    multifunction:
      address.multifunction === undefined ? undefined : address.multifunction ? 'on' : 'off',
  })
  if (present === undefined) device.appendChild(element)
  else device.replaceChild(element, present)
}

/** Marks a slot as having several functions, on the device at function 0. */
export function markMultifunction(device: Element): void {
  const element = child(device, 'address')
  if (element !== undefined && !element.hasAttribute('multifunction')) {
    element.setAttribute('multifunction', 'on')
  }
}

function hex(number: number, digits: number): string {
  return `0x${number.toString(16).padStart(digits, '0')}`
}
