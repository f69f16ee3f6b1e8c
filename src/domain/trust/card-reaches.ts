import { resolve } from 'node:path'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import { type Reach, given } from './reach.ts'

/** The reaches of a network card. */
export function interfaceReaches(card: NetworkInterface): readonly Reach[] {
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
    case 'null':
      return []
    case 'client':
    case 'server':
    case 'mcast':
    case 'udp':
      return socketReaches(card)
    case 'user':
      return card.forwards.map(({ hostAddress, hostPort }) => ({
        ...{ kind: 'listen', use: 'forwarded port', write: true, place },
        // QEMU listens on all addresses when none is given (net/slirp.c).
        value: `${hostAddress || '0.0.0.0'}:${hostPort}`,
      }))
  }
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
