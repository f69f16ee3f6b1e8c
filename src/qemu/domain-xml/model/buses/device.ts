import type { Element } from '@xmldom/xmldom'
import { attribute, child, flag, whole } from '../../access.ts'
import { place } from '../../location.ts'
import { type Address, readAddress } from './address.ts'

/** The properties of every device. */
export interface Device {
  /** Its place in the XML, for error messages. */
  readonly place: string
  /** The name that the user chose (`ua-…`). */
  readonly alias: string | undefined
  readonly address: Address | undefined
  readonly bootOrder: number | undefined
  readonly acpiIndex: number | undefined
  readonly rom: Rom | undefined
}

/** A PCI device's option ROM. It is a RAM block of its own, so an image loads only with the same ROM. */
export interface Rom {
  readonly bar: boolean | undefined
  readonly file: string | undefined
  readonly enabled: boolean | undefined
}

/** The options of any virtio device in its `<driver>` and its model. */
export interface VirtioOptions {
  /** How the guest finds the device. */
  readonly transport: 'pci' | 'mmio'
  readonly model: 'transitional' | 'non-transitional' | undefined
  readonly iommu: boolean | undefined
  readonly ats: boolean | undefined
  readonly packed: boolean | undefined
  readonly pagePerVq: boolean | undefined
}

/** Reads the properties of every device. */
export function readDevice(element: Element): Device {
  const alias = attribute(child(element, 'alias'), 'name')
  return {
    place: place(element),
    alias: alias?.startsWith('ua-') === true ? alias : undefined,
    address: readAddress(element),
    bootOrder: whole(child(element, 'boot'), 'order'),
    acpiIndex: whole(child(element, 'acpi'), 'index'),
    rom: readRom(child(element, 'rom')),
  }
}

/** Reads the virtio options of a device with that `model`. */
export function readVirtioOptions(element: Element, model: string | undefined): VirtioOptions {
  const driver = child(element, 'driver')
  return {
    transport: attribute(child(element, 'address'), 'type') === 'virtio-mmio' ? 'mmio' : 'pci',
    model:
      model === 'virtio-transitional'
        ? 'transitional'
        : model === 'virtio-non-transitional'
          ? 'non-transitional'
          : undefined,
    iommu: flag(driver, 'iommu'),
    ats: flag(driver, 'ats'),
    packed: flag(driver, 'packed'),
    pagePerVq: flag(driver, 'page_per_vq'),
  }
}

function readRom(element: Element | undefined): Rom | undefined {
  if (element === undefined) return undefined
  return {
    bar: flag(element, 'bar'),
    file: attribute(element, 'file'),
    enabled: flag(element, 'enabled'),
  }
}
