import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { NetworkInterface } from '../../domain-xml/model/devices/interface.ts'
import { device, netdev, type Properties } from '../arguments.ts'
import { bootIndexes } from '../boot.ts'
import { networkBackend } from './network-backends.ts'
import type { CommandLineOptions } from '../options.ts'
import { virtioDevice } from '../buses/virtio.ts'
import type { Wiring } from '../buses/wiring.ts'

/** The ids of the network cards' devices. */
export function interfaceIds({
  interfaces,
}: Pick<Domain, 'interfaces'>): ReadonlyMap<NetworkInterface, string> {
  return new Map(interfaces.map((card, index) => [card, card.alias ?? `net${index}`]))
}

/** Network cards: the backend `hostnetN`, then the device `netN`. */
export function interfaceArguments(wiring: Wiring, options: CommandLineOptions): readonly string[] {
  const boot = bootIndexes(wiring.domain)
  const ids = interfaceIds(wiring.domain)
  const cards = wiring.domain.interfaces.flatMap((card, index) => {
    const id = ids.get(card) ?? ''
    return [
      ...networkBackend(card, { index, id }, options),
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
  const spare = Array.from({ length: options.spareUserNetworks ?? 0 }, (_, at) =>
    netdev({ type: 'user', restrict: true, id: spareNetworkId(at) }),
  )
  return [...cards, ...spare.flat()]
}

/** The id of a user network without a card. */
export function spareNetworkId(index: number): string {
  return `sparenet${index}`
}

function macOf(card: NetworkInterface): string {
  if (card.mac !== undefined) return card.mac
  throw new DomainXmlError('XML_INVALID', `${card.place}: the card has no MAC address`, {
    hint: 'Define the domain first: that gives it one',
  })
}

function driver(card: NetworkInterface): Properties {
  if (!card.model.startsWith('virtio')) return { driver: card.model }
  const several = card.queues !== undefined && card.queues > 1
  const { hostOffloads: host, guestOffloads: guest } = card
  return {
    ...virtioDevice('virtio-net', card.virtio),
    failover: card.failover ? true : undefined,
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
