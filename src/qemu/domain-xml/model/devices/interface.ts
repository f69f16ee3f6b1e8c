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
import { invalid } from '../../location.ts'
import { parseMac } from '../../values.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from '../buses/device.ts'
import { type PortForward, readPortForwards } from './port-forward.ts'

/** A network card and its host side. */
export interface NetworkInterface extends Device {
  /** `network`: one of libvirt's networks; `direct`: a macvtap on a device of the host; `null`: connected to nothing. */
  readonly type:
    | 'user'
    | 'ethernet'
    | 'bridge'
    | 'network'
    | 'direct'
    | 'null'
    | SocketNetwork['type']
  /** The addresses of a network between QEMUs; `undefined` for other types. */
  readonly socket: SocketNetwork | undefined
  /** A part between the card and the network on the host: `a packet filter`, `VLAN tags`. */
  readonly barrier: string | undefined
  /** Whether the user network is to be that of passt. */
  readonly passt: boolean
  /** The name of its connection: a network, a bridge or a device of the host; `undefined` for the other types. */
  readonly network: string | undefined
  /** The virtual switch that the bridge, or the network, belongs to: `openvswitch` and the like. */
  readonly virtualPort: string | undefined
  readonly model: string
  readonly mac: string | undefined
  /** The bridge, for type `bridge`. */
  readonly bridge: string | undefined
  /** The tap device's name on the host. */
  readonly targetDevice: string | undefined
  /** `managed='no'`: the tap device already exists. */
  readonly managed: boolean
  readonly script: string | undefined
  readonly downscript: string | undefined
  readonly forwards: readonly PortForward[]
  readonly addresses: readonly GuestAddress[]
  readonly vhost: boolean | undefined
  readonly mtu: number | undefined
  readonly linkUp: boolean
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
  const type = requiredAttribute(element, 'type') as NetworkInterface['type']
  const model = attribute(child(element, 'model'), 'type') ?? 'rtl8139'
  const driver = child(element, 'driver')
  const mac = attribute(child(element, 'mac'), 'address')
  const target = child(element, 'target')
  const driverName = attribute(driver, 'name')
  const named = { bridge: 'bridge', network: 'network', direct: 'dev' }[type as string]
  const network =
    named === undefined ? undefined : requiredAttribute(requiredChild(element, 'source'), named)
  return {
    ...readDevice(element),
    type,
    model,
    mac: mac === undefined ? undefined : parseMac(mac),
    network,
    socket: readSocket(element, type),
    barrier:
      child(element, 'filterref') !== undefined
        ? 'a packet filter'
        : child(element, 'vlan') !== undefined
          ? 'VLAN tags'
          : undefined,
    passt: attribute(child(element, 'backend'), 'type') === 'passt',
    virtualPort: attribute(child(element, 'virtualport'), 'type'),
    bridge: type === 'bridge' ? network : undefined,
    targetDevice: attribute(target, 'dev'),
    managed: flag(target, 'managed') ?? true,
    script: attribute(child(element, 'script'), 'path'),
    downscript: attribute(child(element, 'downscript'), 'path'),
    forwards: readPortForwards(element),
    addresses: children(element, 'ip').map(readGuestAddress),
    vhost: driverName === undefined ? undefined : driverName === 'vhost',
    mtu: whole(child(element, 'mtu'), 'size'),
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
