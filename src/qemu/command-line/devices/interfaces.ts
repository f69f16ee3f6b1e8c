import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { NetworkInterface } from '../../domain-xml/model/devices/interface.ts'
import { device, netdev, type Properties } from '../arguments.ts'
import { bootIndexes } from '../boot.ts'
import type { CommandLineOptions, InheritedTap } from '../options.ts'
import { virtioPci } from '../buses/virtio.ts'
import type { Wiring } from '../buses/wiring.ts'

/** The ids of the network cards' devices. */
export function interfaceIds({
  interfaces,
}: Pick<Domain, 'interfaces'>): ReadonlyMap<NetworkInterface, string> {
  return new Map(interfaces.map((card, index) => [card, card.alias ?? `net${index}`]))
}

/** Network cards: the backend `hostnetN`, then the device `netN`. */
export function interfaceArguments(
  wiring: Wiring,
  { taps, spareUserNetworks = 0 }: Pick<CommandLineOptions, 'taps' | 'spareUserNetworks'>,
): readonly string[] {
  const boot = bootIndexes(wiring.domain)
  const ids = interfaceIds(wiring.domain)
  const cards = wiring.domain.interfaces.flatMap((card, index) => {
    const id = ids.get(card) ?? ''
    return [
      ...netdev({ ...(inherited(taps?.get(index)) ?? backend(card, index)), id: `host${id}` }),
      ...device({
        ...driver(card),
        netdev: `host${id}`,
        id,
        mac: macOf(card),
        bootindex: boot.get(card),
        ...wiring.address(card),
        ...romProperties(card),
      }),
    ]
  })
  const spare = Array.from({ length: spareUserNetworks }, (_, at) =>
    netdev({ type: 'user', restrict: true, id: spareNetworkId(at) }),
  )
  return [...cards, ...spare.flat()]
}

/** The id of a user network without a card. */
export function spareNetworkId(index: number): string {
  return `sparenet${index}`
}

function inherited(tap: InheritedTap | undefined): Properties | undefined {
  if (tap === undefined) return undefined
  const [fd] = tap.fds
  const [vhostfd] = tap.vhostFds
  const vhost = vhostfd !== undefined
  if (tap.fds.length === 1) {
    return { type: 'tap', fd: String(fd), ...(vhost && { vhost, vhostfd: String(vhostfd) }) }
  }
  return {
    ...{ type: 'tap', fds: tap.fds.join(':') },
    ...(vhost && { vhost, vhostfds: tap.vhostFds.join(':') }),
  }
}

function macOf(card: NetworkInterface): string {
  if (card.mac !== undefined) return card.mac
  throw new DomainXmlError('XML_INVALID', `${card.place}: the card has no MAC address`, {
    hint: 'Define the domain first: that gives it one',
  })
}

function backend(card: NetworkInterface, index: number): Properties {
  const queues = card.queues !== undefined && card.queues > 1 ? card.queues : undefined
  switch (card.type) {
    case 'user':
      return userBackend(card)
    case 'null':
      // A hub of its own, which nothing else is connected to.
      return { type: 'hubport', hubid: index }
    case 'bridge':
      if (queues !== undefined) {
        throw new DomainXmlError(
          'XML_UNSUPPORTED',
          `${card.place}: a bridge supports only one queue`,
          {
            hint: 'Root can start it with several; others need a tap device with several queues, and type="ethernet"',
          },
        )
      }
      return { type: 'bridge', br: card.bridge }
    case 'client':
      return { type: 'socket', connect: card.socket?.remote }
    case 'server':
      return { type: 'socket', listen: card.socket?.remote }
    case 'mcast':
      return { type: 'socket', mcast: card.socket?.remote }
    case 'udp':
      return { type: 'socket', udp: card.socket?.remote, localaddr: card.socket?.local }
    case 'network':
    case 'direct':
      // Whoever starts the machine decides what it is connected to: `connectNetworks`.
      throw new DomainXmlError(
        'XML_UNSUPPORTED',
        `${card.place}: what "${card.network}" is on this host was not looked up`,
      )
    case 'ethernet':
      return {
        type: 'tap',
        ifname: card.targetDevice,
        script: card.script ?? 'no',
        downscript: card.downscript ?? 'no',
        vhost: card.vhost,
        queues,
      }
  }
}

/** QEMU's own user network. libvirt forwards ports only with passt; here QEMU does it. */
function userBackend(card: NetworkInterface): Properties {
  const ipv4 = card.addresses.find((one) => one.family === 'ipv4')
  const ipv6 = card.addresses.find((one) => one.family === 'ipv6')
  const forwards = card.forwards.map((forward) => ({
    str: `${forward.protocol}:${forward.hostAddress}:${forward.hostPort}-:${forward.guestPort}`,
  }))
  return {
    type: 'user',
    net: ipv4 === undefined ? undefined : withPrefix(ipv4.address, ipv4.prefix),
    'ipv6-prefix': ipv6?.address,
    'ipv6-prefixlen': ipv6?.prefix,
    hostfwd: forwards.length === 0 ? undefined : forwards,
  }
}

function withPrefix(address: string, prefix: number | undefined): string {
  return prefix === undefined ? address : `${address}/${prefix}`
}

function driver(card: NetworkInterface): Properties {
  if (!card.model.startsWith('virtio')) return { driver: card.model }
  const several = card.queues !== undefined && card.queues > 1
  const { hostOffloads: host, guestOffloads: guest } = card
  return {
    ...virtioPci('virtio-net', card.virtio),
    tx: card.txMode === undefined ? undefined : card.txMode === 'timer' ? 'timer' : 'bh',
    ioeventfd: card.ioeventfd,
    event_idx: card.eventIdx,
    csum: host['csum'],
    gso: host['gso'],
    host_tso4: host['tso4'],
    host_tso6: host['tso6'],
    host_ecn: host['ecn'],
    host_ufo: host['ufo'],
    mrg_rxbuf: host['mrg_rxbuf'],
    guest_csum: guest['csum'],
    guest_tso4: guest['tso4'],
    guest_tso6: guest['tso6'],
    guest_ecn: guest['ecn'],
    guest_ufo: guest['ufo'],
    mq: several ? true : undefined,
    vectors: several ? 2 * (card.queues ?? 0) + 2 : undefined,
    rx_queue_size: card.rxQueueSize,
    tx_queue_size: card.txQueueSize,
    rss: card.rss,
    hash: card.rssHashReport,
    host_mtu: card.mtu,
  }
}

/** The option ROM is a RAM block of its own: an image that has one does not load without it. */
function romProperties({ rom }: NetworkInterface): Properties {
  if (rom === undefined) return {}
  if (rom.enabled === false) return { romfile: '' }
  return { rombar: rom.bar === undefined ? undefined : rom.bar ? 1 : 0, romfile: rom.file }
}
