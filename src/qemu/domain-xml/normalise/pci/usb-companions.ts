import type { Element } from '@xmldom/xmldom'
import { attribute, children } from '../../access.ts'
import { pciAddressOf } from './address-element.ts'

/** The functions that the parts of an ICH9 USB 2 controller have in their common slot. */
const FUNCTIONS: Readonly<Record<string, number>> = {
  'ich9-uhci1': 0,
  'ich9-uhci2': 1,
  'ich9-uhci3': 2,
  'ich9-ehci1': 7,
}

export interface CompanionPlace {
  readonly function: number
  readonly multifunction: boolean | undefined
  /** The slot of another part of the same controller, if that is placed. */
  readonly slot: { readonly bus: number; readonly slot: number } | undefined
}

/** The place of a part of a USB 2 controller; `undefined` for any other device. */
export function companionPlace(device: Element, devices: Element): CompanionPlace | undefined {
  const number = FUNCTIONS[attribute(device, 'model') ?? '']
  if (device.nodeName !== 'controller' || number === undefined) return undefined
  const index = attribute(device, 'index')
  const placed = children(devices, 'controller')
    .filter((one) => FUNCTIONS[attribute(one, 'model') ?? ''] !== undefined)
    .filter((one) => attribute(one, 'index') === index)
    .map(pciAddressOf)
    .find((address) => address !== undefined)
  return {
    function: number,
    multifunction: number === 0 ? true : undefined,
    slot: placed === undefined ? undefined : { bus: placed.bus, slot: placed.slot },
  }
}
