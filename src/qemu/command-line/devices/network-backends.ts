import { DomainXmlError, QemuError } from '../../../errors.ts'
import type { NetworkInterface } from '../../domain-xml/model/devices/interface.ts'
import { type Properties, netdev } from '../arguments.ts'
import { vhostUserSocket } from '../characters/chardev.ts'
import { passtSocket } from './passt.ts'
import { type CommandLineOptions, type InheritedTap, atLeast, versionText } from '../options.ts'

/** Which card it is, and its id. */
interface Place {
  readonly index: number
  readonly id: string
}

/** The host's side of a network card: its `-netdev`, and a `-chardev` where that needs one. */
export function networkBackend(
  card: NetworkInterface,
  place: Place,
  options: CommandLineOptions,
): readonly string[] {
  const tap = options.taps?.get(place.index)
  const properties = tap === undefined ? backend(card, place, options) : inherited(tap)
  return [
    ...(card.type === 'vhostuser' ? programSocket(card, place, options) : []),
    ...netdev({ ...properties, id: `host${place.id}` }),
  ]
}

/** Whether only passt can forward the ports of a card. */
export function needsPasst({ forwards, allPortsForwards }: NetworkInterface): boolean {
  return allPortsForwards.length > 0 || forwards.some(({ device }) => device !== undefined)
}

function inherited(tap: InheritedTap): Properties {
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

function backend(
  card: NetworkInterface,
  { index, id }: Place,
  options: CommandLineOptions,
): Properties {
  const queues = card.queues !== undefined && card.queues > 1 ? card.queues : undefined
  switch (card.type) {
    case 'user':
      return card.passt === undefined ? userBackend(card) : passtBackend(index, options)
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
      // The caller chooses the connection: `connectNetworks`.
      throw new DomainXmlError(
        'XML_UNSUPPORTED',
        `${card.place}: the network "${card.network}" was not looked up on this host`,
      )
    case 'vhostuser':
      return { type: 'vhost-user', chardev: `char${id}`, queues }
    case 'vdpa':
      return { type: 'vhost-vdpa', vhostdev: card.vdpaDevice, queues }
    case 'direct':
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
  if (needsPasst(card)) {
    throw new DomainXmlError(
      'XML_UNSUPPORTED',
      `${card.place}/portForward: QEMU's own user network forwards only listed ports, of addresses`,
      { hint: "List the ports with <range>, and use an address, or use <backend type='passt'/>" },
    )
  }
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

/** passt sends packets through a stream socket (QEMU >= 7.2). */
function passtBackend(index: number, options: CommandLineOptions): Properties {
  const { passtFds, qemuVersion } = options
  if (!atLeast(qemuVersion, 7, 2)) {
    throw new QemuError(
      'QEMU_LACKS_FEATURE',
      `QEMU ${versionText(qemuVersion)} does not support passt; QEMU 7.2 does`,
    )
  }
  const fd = passtFds?.get(index)
  const addr =
    fd === undefined
      ? { type: 'unix', path: passtSocket(options.socketDirectory, index) }
      : { type: 'fd', str: String(fd) }
  return { type: 'stream', addr, server: false }
}

/** The connection to a program that drives the card. */
function programSocket(
  { vhostSocket }: NetworkInterface,
  { index, id }: Place,
  options: CommandLineOptions,
): readonly string[] {
  const path = passtSocket(options.socketDirectory, index)
  const passt = { path, listens: false, reconnectSeconds: undefined }
  return vhostUserSocket(vhostSocket ?? passt, `char${id}`, options)
}
