import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, flag, whole } from '../../access.ts'
import { invalid } from '../../location.ts'

export interface PciAddress {
  readonly type: 'pci'
  readonly bus: number
  readonly slot: number
  readonly function: number
  /** Absent where QEMU decides, whose default is off. */
  readonly multifunction?: boolean | undefined
}

/** The address of a disk on a SATA, IDE, SCSI or floppy controller. */
export interface DriveAddress {
  readonly type: 'drive'
  readonly controller: number
  readonly bus: number
  readonly target: number
  readonly unit: number
}

export interface VirtioSerialAddress {
  readonly type: 'virtio-serial'
  readonly controller: number
  readonly bus: number
  readonly port: number
}

export interface UsbAddress {
  readonly type: 'usb'
  readonly bus: number
  /** `1`, or `1.2` behind a hub. */
  readonly port: string | undefined
}

export interface IsaAddress {
  readonly type: 'isa'
  readonly iobase: number | undefined
  readonly irq: number | undefined
}

/** A virtio device that is on no bus that can be listed: QEMU gives it one of the machine's places. */
export interface VirtioMmioAddress {
  readonly type: 'virtio-mmio'
}

/** The address of a smart card in its reader. */
export interface CcidAddress {
  readonly type: 'ccid'
  readonly controller: number
  readonly slot: number
}

export type Address =
  | PciAddress
  | DriveAddress
  | VirtioSerialAddress
  | UsbAddress
  | IsaAddress
  | CcidAddress
  | VirtioMmioAddress

/** Reads a device's `<address>`; `undefined` when it has none, or a PCI address without a place. */
export function readAddress(device: Element): Address | undefined {
  const element = child(device, 'address')
  if (element === undefined) return undefined
  const type = attribute(element, 'type')
  switch (type) {
    case 'pci':
      return readPciAddress(element)
    case 'drive':
      return {
        type,
        controller: small(element, 'controller', 255),
        bus: small(element, 'bus', 255),
        target: small(element, 'target', 255),
        unit: small(element, 'unit', 16383),
      }
    case 'virtio-serial':
      return {
        type,
        controller: small(element, 'controller', 255),
        bus: small(element, 'bus', 255),
        port: small(element, 'port', 510),
      }
    case 'usb':
      return { type, bus: small(element, 'bus', 255), port: usbPort(element) }
    case 'ccid':
      return {
        type,
        controller: small(element, 'controller', 255),
        slot: small(element, 'slot', 255),
      }
    case 'isa':
      return {
        type,
        iobase: optional(element, 'iobase', 0xffff),
        irq: optional(element, 'irq', 15),
      }
    case 'virtio-mmio':
      return { type }
    case 'dimm':
      return undefined
    default:
      throw invalid(element, `"${type ?? ''}" is not a valid type of address`)
  }
}

function readPciAddress(element: Element): PciAddress | undefined {
  const given = ['domain', 'bus', 'slot', 'function'].some((name) => element.hasAttribute(name))
  if (!given) return undefined
  small(element, 'domain', 0)
  return {
    type: 'pci',
    bus: small(element, 'bus', 255),
    slot: small(element, 'slot', 31),
    function: small(element, 'function', 7),
    multifunction: flag(element, 'multifunction'),
  }
}

function usbPort(element: Element): string | undefined {
  const port = attribute(element, 'port')
  if (port === undefined) return undefined
  if (!/^\d{1,3}(\.\d{1,3}){0,3}$/.test(port)) {
    throw invalid(attributeNode(element, 'port'), `"${port}" is not a valid USB port`)
  }
  return port
}

function small(element: Element, name: string, largest: number): number {
  return optional(element, name, largest) ?? 0
}

function optional(element: Element, name: string, largest: number): number | undefined {
  const value = whole(element, name)
  if (value !== undefined && value > largest) {
    throw invalid(attributeNode(element, name), `it must be at most ${largest}, got ${value}`)
  }
  return value
}
