import { UsageError } from '../../errors.ts'
import type { MacvtapMode } from '../../qemu/domain-xml/model/devices/interface.ts'
import type { VirtualPort, Vlan } from '../../qemu/domain-xml/model/devices/virtual-port.ts'
import type { AllowOptions, AllowRule } from '../trust/allow-rules.ts'

/**
 * The connection of a network card on this host. `switch`: a bridge of Open vSwitch; `macvtap`: one on a device of the host; `none`: nothing, and its
 * link is down.
 */
export type NetworkTarget =
  | GivenTarget
  | {
      readonly kind: 'switch'
      readonly bridge: string
      readonly virtualPort: VirtualPort | undefined
      readonly vlan: Vlan | undefined
    }
  | { readonly kind: 'macvtap'; readonly device: string; readonly mode: MacvtapMode }

/** The targets that a caller may name in place of those of the XML. */
export type GivenTarget =
  | { readonly kind: 'bridge'; readonly bridge: string }
  | { readonly kind: 'tap'; readonly device: string }
  | { readonly kind: 'user' }
  | { readonly kind: 'none' }

/** A target as text: `bridge:BRIDGE`, `tap:DEVICE`, `user` or `none`. */
export type NetworkTargetText = 'user' | 'none' | `bridge:${string}` | `tap:${string}`

/** The options of a caller about networks. */
export interface NetworkOptions {
  /**
   * The connections of cards on this host, by the name of the network, bridge or device in the XML. It is remembered for this host; `forget` ends that.
   */
  readonly networks?: Readonly<Record<string, NetworkTargetText | 'forget'>> | undefined
  /** Let a card whose network is missing be connected to nothing, with its link down. */
  readonly allowLinkDown?: boolean | undefined
}

/** Reads a target; `where` it was given is for messages. @throws UsageError BAD_ARGUMENT */
export function parseNetworkTarget(text: string, where?: string): GivenTarget {
  if (text === 'user' || text === 'none') return { kind: text }
  const match = /^(bridge|tap):(.+)$/.exec(text)
  const [, kind, device = ''] = match ?? []
  // The kernel's rule for names of network devices (dev_valid_name in net/core/dev.c).
  if (kind !== undefined && /^(?!\.\.?$)[^\s/:]{1,15}$/.test(device)) {
    return kind === 'bridge' ? { kind, bridge: device } : { kind: 'tap', device }
  }
  throw new UsageError(
    'BAD_ARGUMENT',
    `${where === undefined ? '' : `${where}: `}"${text}" is not a network of this host: it must be bridge:BRIDGE, tap:DEVICE, user or none`,
  )
}

/** Reads `NAME=TARGET` of a command line. @throws UsageError BAD_ARGUMENT */
export function parseNetworkOption(text: string): {
  readonly name: string
  readonly target: NetworkTargetText | 'forget'
} {
  const equals = text.lastIndexOf('=')
  const target = text.slice(equals + 1)
  if (equals < 1) {
    throw new UsageError('BAD_ARGUMENT', `"${text}" is not NAME=TARGET, such as default=bridge:br0`)
  }
  if (target !== 'forget') parseNetworkTarget(target)
  return { name: text.slice(0, equals), target: target as NetworkTargetText | 'forget' }
}

/** The permissions of an operation. A caller that names the target of a network allows an image to use it. */
export function allowingNetworks({
  allow = [],
  networks = {},
}: AllowOptions & NetworkOptions): readonly AllowRule[] {
  const named = Object.entries(networks).filter(([, target]) => target !== 'forget')
  return [...allow, ...named.map(([name]) => `network:${name}` as const)]
}
