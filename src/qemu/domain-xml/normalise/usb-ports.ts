import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole } from '../access.ts'
import { invalid } from '../location.ts'
import { readAddress, type UsbAddress } from '../model/address.ts'
import { busOf, claim } from './disks.ts'
import { create } from './edit.ts'

const PORTS: Readonly<Record<string, number>> = {
  'piix3-uhci': 2,
  'piix4-uhci': 2,
  ehci: 6,
  'ich9-ehci1': 6,
  'pci-ohci': 3,
  'nec-xhci': 4,
  'qemu-xhci': 4,
}
const HUB_PORTS = 8

/** Gives each USB device the lowest free port, hubs first so that others may sit on them. */
export function assignUsbPorts(devices: Element): void {
  const hubs = children(devices, 'hub')
  const others = [
    ...children(devices, 'disk').filter((disk) => busOf(disk) === 'usb'),
    ...children(devices, 'input').filter((input) => attribute(input, 'bus') === 'usb'),
    ...children(devices, 'serial').filter(
      (serial) => attribute(child(serial, 'target'), 'type') === 'usb-serial',
    ),
  ]
  others.push(...children(devices, 'sound').filter((sound) => attribute(sound, 'model') === 'usb'))
  if (hubs.length + others.length === 0) return
  const buses = readBuses(devices)
  const taken = new Map<string, Element>()
  for (const device of [...hubs, ...others]) {
    const address = usbAddress(device)
    if (address?.port !== undefined)
      claim(taken, `${address.bus}:${address.port}`, device, 'the USB port')
  }
  for (const device of hubs) {
    assign(device, buses, taken)
    const address = usbAddress(device)
    if (address?.port !== undefined)
      buses.get(address.bus)?.push({ prefix: `${address.port}.`, ports: HUB_PORTS })
  }
  for (const device of others) assign(device, buses, taken)
}

/** Port prefixes with their number of ports, per bus: the controller's own, then those of its hubs. */
type Buses = Map<number, { prefix: string; ports: number }[]>

function readBuses(devices: Element): Buses {
  const buses: Buses = new Map()
  for (const controller of children(devices, 'controller')) {
    if (attribute(controller, 'type') !== 'usb') continue
    const model = attribute(controller, 'model') ?? ''
    const usual = PORTS[model]
    if (usual === undefined) continue
    const ports = model.endsWith('xhci') ? (whole(controller, 'ports') ?? usual) : usual
    buses.set(whole(controller, 'index') ?? 0, [{ prefix: '', ports }])
  }
  return new Map([...buses].toSorted(([a], [b]) => a - b))
}

function assign(device: Element, buses: Buses, taken: Map<string, Element>): void {
  const address = usbAddress(device)
  if (address?.port !== undefined) return
  if (buses.size === 0) throw invalid(device, 'the domain has no USB controller to attach it to')
  for (const [bus, places] of buses) {
    if (address !== undefined && address.bus !== bus) continue
    for (const { prefix, ports } of places) {
      for (let number = 1; number <= ports; number++) {
        const port = `${prefix}${number}`
        if (taken.has(`${bus}:${port}`)) continue
        taken.set(`${bus}:${port}`, device)
        const present = child(device, 'address')
        if (present !== undefined) device.removeChild(present)
        device.appendChild(create(device, 'address', { type: 'usb', bus, port }))
        return
      }
    }
  }
  throw invalid(device, 'no USB port is free for it', 'Add a <hub type="usb"/> or a USB controller')
}

function usbAddress(device: Element): UsbAddress | undefined {
  const address = readAddress(device)
  return address?.type === 'usb' ? address : undefined
}
