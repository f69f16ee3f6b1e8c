import type { Command } from 'commander'
import { type NetworkOptions, parseNetworkOption } from '../../domain/networks/network-target.ts'

/** The options of verbs that connect network cards. */
export interface NetworkFlags {
  readonly network?: NonNullable<NetworkOptions['networks']>
  readonly allowLinkDown?: boolean
}

/** Adds `--network`. */
export function declareNetwork(command: Command): Command {
  return command.option(
    '--network <name=target>',
    'the connection on this host for cards of the network, bridge or device of that name: bridge:BRIDGE, tap:DEVICE, user or none; remembered until NAME=forget; may be repeated',
    (text: string, before: NetworkFlags['network']) => {
      const { name, target } = parseNetworkOption(text)
      return { ...before, [name]: target }
    },
  )
}

/** Adds `--network` and `--allow-link-down`. */
export function declareNetworks(command: Command): Command {
  return declareNetwork(command).option(
    '--allow-link-down',
    'let a card whose network is missing be connected to nothing, with its link down',
  )
}

/** The network options from the flags. */
export function networksOf({ network, allowLinkDown }: NetworkFlags): NetworkOptions {
  return { networks: network, allowLinkDown }
}
