import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  attributeNode,
  child,
  flag,
  requiredAttribute,
  requiredChild,
  whole,
} from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseUuid } from '../../values.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from '../buses/device.ts'
import { type NetworkSource, readNetworkSource } from '../network-disk.ts'

/** A device of the host that the guest has for itself. */
export interface HostDevice extends Device {
  readonly source: HostDeviceSource
  readonly virtio: VirtioOptions
  /** Whether the guest's screen may come from it. */
  readonly display: boolean | undefined
  readonly ramfb: boolean
  readonly readonly: boolean
  /** The number of a network card that is a device of the host, such as a virtual function; `undefined` for others. */
  readonly card: number | undefined
  /** The network card that takes its place while it is unplugged. */
  readonly failoverFor: string | undefined
}

/** `scsi`: a unit on a SCSI bus of the host, by its name in `/sys/bus/scsi/devices`; `iscsi`: one of a server. */
export type HostDeviceSource =
  | { readonly type: 'pci'; readonly host: string }
  | { readonly type: 'mdev'; readonly uuid: string }
  | { readonly type: 'scsi_host'; readonly wwpn: string }
  | { readonly type: 'scsi'; readonly at: string }
  | { readonly type: 'iscsi'; readonly network: NetworkSource }
  | {
      readonly type: 'usb'
      readonly at: { readonly bus: number; readonly device: number } | undefined
      readonly kind: { readonly vendor: number; readonly product: number } | undefined
      /** When the guest may reset it: never, always, or only if it has no address yet. */
      readonly guestReset: string | undefined
    }

/** Whether the guest has the device of a `<hostdev>`: libvirt keeps those without an address only away from other users. */
export function isGiven(element: Element): boolean {
  return attribute(child(element, 'address'), 'type') !== 'unassigned'
}

/** A target of the kernel that serves SCSI through vhost. */
const TARGET = /^naa\.[0-9a-f]{16}$/i

/** Reads a `<hostdev>`. */
export function readHostDevice(element: Element): HostDevice {
  for (const name of ['rawio', 'sgio'])
    if (element.hasAttribute(name) && attribute(element, 'type') !== 'scsi')
      throw invalid(attributeNode(element, name), 'only devices of type "scsi" have it')
  return {
    ...readDevice(element),
    virtio: readVirtioOptions(element, attribute(element, 'model')),
    source: readSource(requiredChild(element, 'source'), requiredAttribute(element, 'type')),
    card: undefined,
    display: flag(element, 'display'),
    ramfb: flag(element, 'ramfb') === true,
    readonly: child(element, 'readonly') !== undefined,
    failoverFor: attribute(child(element, 'teaming'), 'persistent'),
  }
}

/** Whether an `<interface>` is a device of the host that the guest has for itself, and not a card of QEMU's. */
export function isHostCard(element: Element): boolean {
  return attribute(element, 'type') === 'hostdev'
}

/** Reads an `<interface type='hostdev'>`. */
export function readHostCard(element: Element, card: number): HostDevice {
  const backend = child(element, 'backend')
  if (backend !== undefined)
    throw invalid(backend, 'a device of the host is not connected by a tap device: remove it')
  return {
    ...readDevice(element),
    virtio: readVirtioOptions(element, undefined),
    source: { type: 'pci', host: pciName(requiredChild(element, 'source')) },
    card,
    display: undefined,
    ramfb: false,
    readonly: false,
    failoverFor: attribute(child(element, 'teaming'), 'persistent'),
  }
}

function readSource(source: Element, type: string): HostDeviceSource {
  if (type === 'pci') return { type, host: pciName(source) }
  if (type === 'mdev') {
    const address = requiredChild(source, 'address')
    const uuid = parseUuid(requiredAttribute(address, 'uuid'))
    if (uuid === undefined) throw invalid(address, 'the uuid is not a UUID')
    return { type, uuid }
  }
  if (type === 'scsi_host') {
    const wwpn = requiredAttribute(source, 'wwpn')
    if (!TARGET.test(wwpn)) throw invalid(source, `"${wwpn}" is not like naa.5123456789abcde0`)
    return { type, wwpn }
  }
  if (type === 'scsi') return readScsiSource(source)
  const address = child(source, 'address')
  const [bus, device] = [whole(address, 'bus'), whole(address, 'device')]
  const [vendor, product] = ['vendor', 'product'].map((name) => whole(child(source, name), 'id'))
  const at = bus === undefined || device === undefined ? undefined : { bus, device }
  const kind = vendor === undefined || product === undefined ? undefined : { vendor, product }
  if (at === undefined && kind === undefined) throw invalid(source, 'it names no USB device')
  return { type: 'usb', at, kind, guestReset: attribute(source, 'guestReset') }
}

function readScsiSource(source: Element): HostDeviceSource {
  if (attribute(source, 'protocol') === 'iscsi')
    return { type: 'iscsi', network: readNetworkSource(source, child(source, 'auth')) }
  const adapter = requiredChild(source, 'adapter')
  const name = requiredAttribute(adapter, 'name')
  const host = /^scsi_host(?<number>\d{1,6})$/.exec(name)?.groups?.['number']
  if (host === undefined) throw invalid(adapter, `"${name}" is not like scsi_host0`)
  const address = requiredChild(source, 'address')
  const parts = ['bus', 'target', 'unit'].map((part) => whole(address, part) ?? 0)
  return { type: 'scsi', at: [host, ...parts].join(':') }
}

/** `0000:01:00.0`, the address of a PCI device of the host. */
export function pciName(source: Element): string {
  const address = requiredChild(source, 'address')
  const part = (name: string, digits: number, largest: number): string => {
    const value = whole(address, name) ?? 0
    if (value > largest) throw invalid(address, `the ${name} must be at most ${largest}`)
    return value.toString(16).padStart(digits, '0')
  }
  const place = `${part('domain', 4, 0xffffffff)}:${part('bus', 2, 255)}:${part('slot', 2, 31)}`
  return `${place}.${part('function', 1, 7)}`
}
