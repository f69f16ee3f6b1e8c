import type { Element } from '@xmldom/xmldom'
import { attribute, child, flag, whole } from '../access.ts'
import { place } from '../location.ts'
import { type Address, readAddress } from './address.ts'

/** What every device has. */
export interface Device {
  /** Where it stands in the XML, for error messages. */
  readonly place: string
  /** The name that the user gave to it (`ua-…`). */
  readonly alias: string | undefined
  readonly address: Address | undefined
  readonly bootOrder: number | undefined
  readonly acpiIndex: number | undefined
  readonly rom: Rom | undefined
}

/** A PCI device's option ROM. It is a RAM block of its own, so it decides whether an image loads. */
export interface Rom {
  readonly bar: boolean | undefined
  readonly file: string | undefined
  readonly enabled: boolean | undefined
}

/** What any virtio device may have in its `<driver>` and its model. */
export interface VirtioOptions {
  readonly model: 'transitional' | 'non-transitional' | undefined
  readonly iommu: boolean | undefined
  readonly ats: boolean | undefined
  readonly packed: boolean | undefined
  readonly pagePerVq: boolean | undefined
}

/** Reads what every device has. */
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

/** Reads the virtio options of a device whose model is said by `model`. */
export function readVirtioOptions(element: Element, model: string | undefined): VirtioOptions {
  const driver = child(element, 'driver')
  return {
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
