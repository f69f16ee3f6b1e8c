import type { Element } from '@xmldom/xmldom'
import { attribute, children } from '../../access.ts'

/** The order in which libvirt gives addresses to devices (qemuDomainAssignDevicePCISlots, 9.0). */
const ORDER = [
  'interface',
  'controller',
  'disk',
  'memballoon',
  'rng',
  'watchdog',
  'video',
  'input',
  'serial',
  'panic',
] as const

/** PCI controllers, which get their addresses before all devices. */
export function bridges(devices: Element): readonly Element[] {
  return children(devices, 'controller').filter((one) => attribute(one, 'type') === 'pci')
}

/** All that may be a PCI device, in libvirt's order. */
export function unplacedDevices(devices: Element): readonly Element[] {
  return ORDER.flatMap((name) =>
    children(devices, name).filter(
      (one) => name !== 'controller' || attribute(one, 'type') !== 'pci',
    ),
  )
}
