import { readFile } from 'node:fs/promises'
import { readLiveXml } from '../catalogue/domain-xml.ts'
import { findRunning } from '../catalogue/running-entry.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { attribute, child, children } from '../../qemu/domain-xml/access.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import { agentCommand, type AgentOptions } from './agent-command.ts'

/** An address of a network card. */
export interface GuestAddress {
  readonly type: 'ipv4' | 'ipv6'
  readonly address: string
  readonly prefix: number
}

/** A network card as the guest, or the neighbour table of this host, knows it. */
export interface GuestInterface {
  readonly name: string
  readonly mac: string | undefined
  readonly addresses: readonly GuestAddress[]
}

/** The source of the addresses. */
export interface AddressOptions extends AgentOptions {
  /** `agent`: the guest agent (the default); `arp`: the neighbour table of this host. */
  readonly source?: 'agent' | 'arp' | undefined
}

/**
 * The network cards of a running guest and their addresses.
 * @throws the errors of `agentCommand`
 * @example
 * for (const { name, addresses } of await guestAddresses('web')) console.log(name, addresses)
 */
export async function guestAddresses(
  reference: string,
  options: AddressOptions = {},
): Promise<readonly GuestInterface[]> {
  checkOptions(options, { source: ['agent', 'arp'] })
  if (options.source === 'arp') return neighbours(reference, options)
  const { source: _, ...agent } = options
  const command = { execute: 'guest-network-get-interfaces' }
  const answer = await agentCommand(reference, command, agent)
  return Array.isArray(answer) ? answer.flatMap(interfaceIn) : []
}

/** The guest decides what is in it. */
function interfaceIn(value: unknown): readonly GuestInterface[] {
  const card = value as Readonly<Record<string, unknown>> | null
  const { name, 'hardware-address': mac, 'ip-addresses': found } = card ?? {}
  if (typeof name !== 'string') return []
  const addresses = Array.isArray(found) ? found.flatMap(addressIn) : []
  return [{ name, mac: typeof mac === 'string' ? mac : undefined, addresses }]
}

function addressIn(value: unknown): readonly GuestAddress[] {
  const one = value as Readonly<Record<string, unknown>> | null
  const { 'ip-address': address, 'ip-address-type': type, prefix } = one ?? {}
  if (typeof address !== 'string' || typeof prefix !== 'number') return []
  return type === 'ipv4' || type === 'ipv6' ? [{ type, address, prefix }] : []
}

async function neighbours(
  reference: string,
  options: AddressOptions,
): Promise<readonly GuestInterface[]> {
  const { paths } = await findRunning(await openDirectories(options), reference)
  const { root } = parseDomainXml(await readLiveXml(paths))
  const table = await readFile('/proc/net/arp', 'latin1').catch(() => '')
  const rows = table
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/))
  const devices = child(root, 'devices')
  const cards = devices === undefined ? [] : children(devices, 'interface')
  return cards.flatMap((card) => {
    const mac = attribute(child(card, 'mac'), 'address')?.toLowerCase()
    const addresses = rows
      .filter((row) => row[3] === mac)
      .map(([address = '']) => ({ type: 'ipv4', address, prefix: 0 }) as const)
    const name = attribute(child(card, 'target'), 'dev') ?? '-'
    return addresses.length === 0 ? [] : [{ name, mac, addresses }]
  })
}
