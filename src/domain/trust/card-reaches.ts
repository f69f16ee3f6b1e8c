import { resolve } from 'node:path'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import { type Reach, given, path } from './reach.ts'

/** The reaches of a network card. */
export function interfaceReaches(card: NetworkInterface): readonly Reach[] {
  const { devicePaths, place } = card
  const file = (use: string) => (value: string) => path(use, value, { write: true, place })
  return [
    ...connectionReaches(card),
    ...given(devicePaths.tap, file('maker of tap devices')),
    ...given(devicePaths.vhost, file('accelerator of network cards')),
  ]
}

function connectionReaches(card: NetworkInterface): readonly Reach[] {
  const { place } = card
  const network = (use: string) => (value: string) =>
    ({ kind: 'network', use, value, write: true, place }) as const
  const script = (value: string): Reach => ({
    ...{ kind: 'script', use: 'network script', write: true, place },
    value: resolve('/', value),
  })
  switch (card.type) {
    case 'bridge':
      return given(card.bridge, network('bridge'))
    case 'network':
      return given(card.network, network('network'))
    case 'direct':
      return given(card.network, network('device'))
    case 'ethernet':
      return [
        ...given(card.targetDevice, network('tap device')),
        ...[card.script, card.downscript]
          .filter((one) => one !== 'no')
          .flatMap((one) => given(one, script)),
      ]
    case 'vdpa':
      return given(card.vdpaDevice, (file) =>
        path('network hardware', file, { write: true, place }),
      )
    case 'null':
      return []
    case 'client':
    case 'server':
    case 'mcast':
    case 'udp':
      return socketReaches(card)
    case 'user':
      return [...passtReaches(card), ...forwardReaches(card)]
    case 'vhostuser':
      return [
        ...passtReaches(card),
        ...forwardReaches(card),
        ...given(card.vhostSocket?.path, (file) =>
          path('socket of a program that drives the card', file, { write: true, place }),
        ),
      ]
  }
}

/** passt itself is a program of this host: no XML names it. */
function passtReaches({ passt, place }: NetworkInterface): readonly Reach[] {
  return [
    ...given(passt?.device, (value) => ({
      ...{ kind: 'network', use: 'device of the user network', value, write: true, place },
    })),
    ...given(passt?.logFile, (file) => path('log of passt', file, { write: true, place })),
  ]
}

function forwardReaches(card: NetworkInterface): readonly Reach[] {
  const { forwards, allPortsForwards, place } = card
  const port = (hostAddress: string, number: number | 'any'): Reach => ({
    ...{ kind: 'listen', use: 'forwarded port', write: true, place },
    // QEMU (net/slirp.c) and passt listen on all addresses when none is given.
    value: `${hostAddress || '0.0.0.0'}:${number}`,
  })
  return [
    ...forwards.map(({ hostAddress, hostPort }) => port(hostAddress, hostPort)),
    ...allPortsForwards.map(({ hostAddress }) => port(hostAddress, 'any')),
  ]
}

function socketReaches({ type, socket, place }: NetworkInterface): readonly Reach[] {
  const address = (kind: 'listen' | 'connect', value: string): Reach => ({
    ...{ kind, use: 'network between QEMUs', write: true, place },
    value: value.replace(/^:/, '0.0.0.0:'),
  })
  if (socket === undefined) return []
  const listens = type === 'server' || type === 'mcast'
  return [
    address(listens ? 'listen' : 'connect', socket.remote),
    ...given(socket.local, (local) => address('listen', local)),
  ]
}
