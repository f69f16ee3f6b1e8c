import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole } from '../access.ts'
import { invalid } from '../location.ts'
import { readAddress, type UsbAddress } from '../model/buses/address.ts'
import { claim } from './disks.ts'
import { create, insertDevice } from './edit.ts'
import { usbDevices } from './usb-devices.ts'

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

/** Ports may be behind four hubs (libvirt's VIR_DOMAIN_DEVICE_USB_MAX_PORT_DEPTH). */
const MAX_DEPTH = 4

/**
 * Gives each USB device the lowest free port, hubs first so that others may sit on them. Hubs are added when the ports are too few. In libvirt's order
 * (qemuDomainAssignUSBAddresses and virDomainUSBAddressFindFreePort, 11.3).
 */
export function assignUsbPorts(devices: Element): void {
  const others = usbDevices(devices)
  const controllers = readControllers(devices)
  addHubs(devices, controllers, others.length)
  const hubs = children(devices, 'hub')
  if (hubs.length + others.length === 0) return
  const taken = new Map<string, Element>()
  for (const device of [...hubs, ...others]) {
    const given = child(device, 'address')
    const type = attribute(given, 'type') ?? 'usb'
    if (given !== undefined && type !== 'usb')
      throw invalid(
        given,
        `the device is on a USB bus: an address of type "${type}" is not possible`,
      )
    const address = usbAddress(device)
    if (address?.port !== undefined)
      claim(taken, `${address.bus}:${address.port}`, device, 'the USB port')
  }
  const buses: Buses = new Map(
    [...controllers].map(([bus, ports]) => [bus, [{ path: [], ports }]] as const),
  )
  for (const hub of hubs.toSorted((a, b) => depth(a) - depth(b))) addPlaces(hub, buses)
  for (const hub of hubs) {
    if (usbAddress(hub)?.port !== undefined) continue
    assign(hub, buses, taken)
    addPlaces(hub, buses)
  }
  for (const device of others) assign(device, buses, taken)
}

/** Adds as many hubs as are needed; each one takes a port and has eight. */
function addHubs(devices: Element, controllers: ReadonlyMap<number, number>, others: number): void {
  const hubs = children(devices, 'hub').length
  const ports = [...controllers.values()].reduce((sum, one) => sum + one, hubs * HUB_PORTS)
  const missing = hubs + others - ports
  if (missing <= 0 || controllers.size === 0) return
  for (let added = 0; added < Math.ceil((missing + 1) / (HUB_PORTS - 1)); added++)
    insertDevice(devices, create(devices, 'hub', { type: 'usb' }))
}

/** The number of ports of each USB controller, by its index. */
function readControllers(devices: Element): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  for (const controller of children(devices, 'controller')) {
    if (attribute(controller, 'type') !== 'usb') continue
    const model = attribute(controller, 'model') ?? ''
    const usual = PORTS[model]
    if (usual === undefined) continue
    const ports = model.endsWith('xhci') ? (whole(controller, 'ports') ?? usual) : usual
    found.set(whole(controller, 'index') ?? 0, ports)
  }
  return new Map([...found].toSorted(([a], [b]) => a - b))
}

/** A controller or hub: the path of ports that leads to it, and its number of ports. */
interface Place {
  readonly path: readonly number[]
  readonly ports: number
}

type Buses = Map<number, Place[]>

/** Makes the ports of a hub with an address available. A hub's own ports come before those of the hubs on it. */
function addPlaces(hub: Element, buses: Buses): void {
  const address = usbAddress(hub)
  if (address?.port === undefined) return
  const path = address.port.split('.').map(Number)
  const places = buses.get(address.bus)
  const parent = places?.some((one) => one.path.join('.') === path.slice(0, -1).join('.'))
  if (places === undefined || parent !== true)
    throw invalid(hub, `there is no USB port ${address.port} on bus ${address.bus}`)
  places.push({ path, ports: HUB_PORTS })
  places.sort((a, b) => comparePaths(a.path, b.path))
}

function depth(hub: Element): number {
  return usbAddress(hub)?.port?.split('.').length ?? 0
}

function comparePaths(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function assign(device: Element, buses: Buses, taken: Map<string, Element>): void {
  const address = usbAddress(device)
  if (address?.port !== undefined) return checkPort(device, address, buses)
  if (buses.size === 0) throw invalid(device, 'the domain has no USB controller to attach it to')
  for (const [bus, places] of buses) {
    if (address !== undefined && address.bus !== bus) continue
    for (const { path, ports } of places) {
      if (path.length >= MAX_DEPTH) continue
      for (let number = 1; number <= ports; number++) {
        const port = [...path, number].join('.')
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

function checkPort(device: Element, { bus, port = '' }: UsbAddress, buses: Buses): void {
  const path = port.split('.').map(Number)
  const parent = buses.get(bus)?.find((one) => one.path.join('.') === path.slice(0, -1).join('.'))
  const number = path.at(-1) ?? 0
  if (parent === undefined || number < 1 || number > parent.ports)
    throw invalid(device, `there is no USB port ${port} on bus ${bus}`)
}

function usbAddress(device: Element): UsbAddress | undefined {
  const address = readAddress(device)
  return address?.type === 'usb' ? address : undefined
}
