import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  child,
  children,
  flag,
  requiredAttribute,
  requiredChild,
  whole,
} from '../../access.ts'
import { invalid, unsupported } from '../../location.ts'
import { parseMac } from '../../values.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from '../buses/device.ts'
import {
  type AllPortsForward,
  type PortForward,
  readAllPortsForwards,
  readPortForwards,
} from './port-forward.ts'
import { readVhostUser, type VhostUserSocket } from '../characters/vhost-user.ts'
import { type VirtualPort, type Vlan, readVirtualPort, readVlan } from './virtual-port.ts'

/** How a macvtap treats packets between the guests of one device (libvirt formatdomain, "Direct attachment to physical interface"). */
export type MacvtapMode = 'vepa' | 'bridge' | 'private' | 'passthrough'

/** A network card and its host side. */
export interface NetworkInterface extends Device {
  /**
   * `network`: one of libvirt's networks; `direct`: a macvtap on a device of the host; `vhostuser`: a program that shares the guest's memory; `vdpa`: hardware; `null`:
   * connected to nothing.
   */
  readonly type:
    | 'user'
    | 'ethernet'
    | 'bridge'
    | 'network'
    | 'direct'
    | 'vhostuser'
    | 'vdpa'
    | 'null'
    | SocketNetwork['type']
  /** The addresses of a network between QEMUs; `undefined` for other types. */
  readonly socket: SocketNetwork | undefined
  /** Whether a packet filter is to be between the card and the network on the host. */
  readonly isFiltered: boolean
  /** The user network is that of passt, or is passt behind `vhostuser`. */
  readonly passt: Passt | undefined
  /** The socket of another program, for type `vhostuser`. */
  readonly vhostSocket: VhostUserSocket | undefined
  /** The kernel's device of the hardware that is the other half of the card, for type `vdpa`. */
  readonly vdpaDevice: string | undefined
  /** The name of its connection: a network, a bridge or a device of the host; `undefined` for the other types. */
  readonly network: string | undefined
  /** The group of ports of the network. */
  readonly portGroup: string | undefined
  readonly macvtapMode: MacvtapMode
  /** The virtual switch that the bridge, or the network, belongs to. */
  readonly virtualPort: VirtualPort | undefined
  readonly vlan: Vlan | undefined
  readonly model: string
  readonly mac: string | undefined
  /** The bridge, for type `bridge`. */
  readonly bridge: string | undefined
  /** The files that make tap devices and the accelerator, where they are not those of Linux. */
  readonly devicePaths: { readonly tap: string | undefined; readonly vhost: string | undefined }
  /** The tap device's name on the host. */
  readonly targetDevice: string | undefined
  /** `managed='no'`: the tap device already exists. */
  readonly managed: boolean
  readonly script: string | undefined
  readonly downscript: string | undefined
  readonly forwards: readonly PortForward[]
  readonly allPortsForwards: readonly AllPortsForward[]
  readonly addresses: readonly GuestAddress[]
  readonly vhost: boolean | undefined
  readonly mtu: number | undefined
  readonly linkUp: boolean
  /** The guest may use a device of the host in its place, as long as that is plugged in. */
  readonly failover: boolean
  readonly queues: number | undefined
  readonly txMode: string | undefined
  readonly ioeventfd: boolean | undefined
  readonly eventIdx: boolean | undefined
  readonly rxQueueSize: number | undefined
  readonly txQueueSize: number | undefined
  readonly rss: boolean | undefined
  readonly rssHashReport: boolean | undefined
  readonly hostOffloads: Readonly<Record<string, boolean>>
  readonly guestOffloads: Readonly<Record<string, boolean>>
  readonly virtio: VirtioOptions
}

/** How passt connects a card. */
export interface Passt {
  /** The device of the host whose addresses and routes the guest gets; `undefined`: that of the default route. */
  readonly device: string | undefined
  readonly logFile: string | undefined
}

/** A network between QEMUs: over a connection, a multicast group or datagrams. */
export interface SocketNetwork {
  readonly type: 'client' | 'server' | 'mcast' | 'udp'
  /** `ADDRESS:PORT`. */
  readonly remote: string
  /** For datagrams. */
  readonly local: string | undefined
}

export interface GuestAddress {
  readonly family: 'ipv4' | 'ipv6'
  readonly address: string
  readonly prefix: number | undefined
}

/** Reads an `<interface>`. */
export function readInterface(element: Element): NetworkInterface {
  const teaming = child(element, 'teaming')
  if (attribute(teaming, 'type') === 'transient')
    throw unsupported(
      teaming ?? element,
      'only a card that is a device of the host can take the place of another',
    )
  const type = requiredAttribute(element, 'type') as NetworkInterface['type']
  const model = attribute(child(element, 'model'), 'type') ?? 'rtl8139'
  const driver = child(element, 'driver')
  const mac = attribute(child(element, 'mac'), 'address')
  const target = child(element, 'target')
  const driverName = attribute(driver, 'name')
  const named = { bridge: 'bridge', network: 'network', direct: 'dev' }[type as string]
  const network =
    named === undefined ? undefined : requiredAttribute(requiredChild(element, 'source'), named)
  const source = child(element, 'source')
  const passt = readPasst(element)
  return {
    ...readDevice(element),
    type,
    model,
    mac: mac === undefined ? undefined : parseMac(mac),
    network,
    socket: readSocket(element, type),
    isFiltered: child(element, 'filterref') !== undefined,
    passt,
    vhostSocket:
      type === 'vhostuser' && passt === undefined
        ? readVhostUser(requiredChild(element, 'source'))
        : undefined,
    vdpaDevice:
      type === 'vdpa' ? requiredAttribute(requiredChild(element, 'source'), 'dev') : undefined,
    portGroup: attribute(source, 'portgroup'),
    macvtapMode: type === 'direct' ? readMacvtapMode(source) : 'vepa',
    virtualPort: readVirtualPort(child(element, 'virtualport')),
    vlan: readVlan(child(element, 'vlan')),
    bridge: type === 'bridge' ? network : undefined,
    devicePaths: {
      tap: attribute(child(element, 'backend'), 'tap'),
      vhost: attribute(child(element, 'backend'), 'vhost'),
    },
    targetDevice: attribute(target, 'dev'),
    managed: flag(target, 'managed') ?? true,
    script: attribute(child(element, 'script'), 'path'),
    downscript: attribute(child(element, 'downscript'), 'path'),
    forwards: readPortForwards(element),
    allPortsForwards: readAllPortsForwards(element),
    addresses: children(element, 'ip').map(readGuestAddress),
    vhost: driverName === undefined ? undefined : driverName === 'vhost',
    mtu: whole(child(element, 'mtu'), 'size'),
    failover: attribute(child(element, 'teaming'), 'type') === 'persistent',
    linkUp: attribute(child(element, 'link'), 'state') !== 'down',
    queues: whole(driver, 'queues'),
    txMode: attribute(driver, 'txmode'),
    ioeventfd: flag(driver, 'ioeventfd'),
    eventIdx: flag(driver, 'event_idx'),
    rxQueueSize: whole(driver, 'rx_queue_size'),
    txQueueSize: whole(driver, 'tx_queue_size'),
    rss: flag(driver, 'rss'),
    rssHashReport: flag(driver, 'rss_hash_report'),
    hostOffloads: readOffloads(child(driver, 'host')),
    guestOffloads: readOffloads(child(driver, 'guest')),
    virtio: readVirtioOptions(element, model),
  }
}

const MACVTAP_MODES: readonly MacvtapMode[] = ['vepa', 'bridge', 'private', 'passthrough']

function readMacvtapMode(source: Element | undefined): MacvtapMode {
  const mode = attribute(source, 'mode') ?? 'vepa'
  const found = MACVTAP_MODES.find((one) => one === mode)
  if (found !== undefined) return found
  throw invalid(source as Element, `"${mode}" is not a mode of a macvtap`)
}

function readPasst(element: Element): Passt | undefined {
  const backend = child(element, 'backend')
  if (attribute(backend, 'type') !== 'passt') return undefined
  return {
    device: attribute(child(element, 'source'), 'dev'),
    logFile: attribute(backend, 'logFile'),
  }
}

function readSocket(element: Element, type: NetworkInterface['type']): SocketNetwork | undefined {
  if (type !== 'client' && type !== 'server' && type !== 'mcast' && type !== 'udp') return undefined
  const source = requiredChild(element, 'source')
  const local = type === 'udp' ? requiredChild(source, 'local') : undefined
  return { type, remote: endpoint(source), local: local && endpoint(local) }
}

/** An address may be left out of a server, and means every one. */
function endpoint(element: Element): string {
  return `${attribute(element, 'address') ?? ''}:${requiredAttribute(element, 'port')}`
}

function readGuestAddress(element: Element): GuestAddress {
  const address = requiredAttribute(element, 'address')
  if (element.hasAttribute('peer'))
    throw invalid(element, 'a peer address exists only in containers')
  return {
    family: attribute(element, 'family') === 'ipv6' ? 'ipv6' : 'ipv4',
    address,
    prefix: whole(element, 'prefix'),
  }
}

function readOffloads(element: Element | undefined): Readonly<Record<string, boolean>> {
  if (element === undefined) return {}
  return Object.fromEntries(
    [...element.attributes].map(({ name, value }) => [name, value === 'on']),
  )
}
