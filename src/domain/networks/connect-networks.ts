import { DomainXmlError, type XmlProblem } from '../../errors.ts'
import { child, children } from '../../qemu/domain-xml/access.ts'
import type { DomainDocument } from '../../qemu/domain-xml/document.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import { hasNetworkInterface } from '../../qemu/host-facts.ts'
import { findLibvirtNetwork } from '../../qemu/foreign/libvirt-networks.ts'
import { Configuration } from '../configuration/configuration.ts'
import type { Directories } from '../store/directories.ts'
import { readKnownNetworks } from '../store/known-networks.ts'
import { type NetworkOptions, type NetworkTarget, parseNetworkTarget } from './network-target.ts'

/** What cannot be connected, and what a person can do about it. */
export interface MissingNetwork {
  readonly missing: string
  readonly hint: string
}

type CardWithout = MissingNetwork & { readonly card: NetworkInterface }

/**
 * Connects the network cards of a domain to networks of this host: as the caller says, as a caller said before, as the configuration says, as libvirt's
 * definition of the network says, or as the XML says. The guest's half of each card stays as it is.
 * @throws DomainXmlError XML_UNSUPPORTED with each card whose network is missing; UsageError for an impossible target
 */
export async function connectNetworks(
  domain: Domain,
  directories: Directories,
  options: NetworkOptions & { readonly onWarning?: ((text: string) => void) | undefined },
): Promise<Domain> {
  const { interfaces, without } = await lookUp(domain, directories, options)
  if (domain.interfaces.some(({ passt }) => passt))
    options.onWarning?.("QEMU's own user network takes the place of passt")
  if (without.length > 0 && options.allowLinkDown !== true) throw missingNetworks(without)
  for (const { card, missing } of without)
    options.onWarning?.(`${missing}: the link of the card ${card.mac ?? card.place} is down`)
  return { ...domain, interfaces }
}

/** The networks of a domain that this host does not have, each once. @throws UsageError for an impossible target */
export async function networksMissing(
  domain: Domain,
  directories: Directories,
  options: NetworkOptions,
): Promise<readonly MissingNetwork[]> {
  const { without } = await lookUp(domain, directories, options)
  return [...new Map(without.map((one) => [one.missing, one])).values()]
}

/** The cards as they are connected; those without a network are connected to nothing, and their links are down. */
async function lookUp(
  domain: Domain,
  directories: Directories,
  { networks }: NetworkOptions,
): Promise<{
  readonly interfaces: readonly NetworkInterface[]
  readonly without: readonly CardWithout[]
}> {
  const given = {
    ...(await configuredNetworks()),
    ...(await readKnownNetworks(directories)),
    ...networks,
  }
  const without: CardWithout[] = []
  const interfaces: NetworkInterface[] = []
  for (const card of domain.interfaces) {
    const found = await targetOf(card, given)
    if (found !== undefined && 'missing' in found) without.push({ card, ...found })
    const target = found !== undefined && 'missing' in found ? NOTHING : found
    interfaces.push(target === undefined ? card : connected(card, target))
  }
  return { interfaces, without }
}

/** @throws UsageError BAD_CONFIGURATION, BAD_ARGUMENT */
async function configuredNetworks(): Promise<Readonly<Record<string, string>>> {
  const { networks } = await Configuration.read()
  return Object.fromEntries(
    [...networks].map(([name, { target, where }]) => {
      parseNetworkTarget(target, where)
      return [name, target]
    }),
  )
}

const NOTHING = { kind: 'none' } as const

/** What a card is to be connected to; `undefined`: as it says itself. */
async function targetOf(
  card: NetworkInterface,
  given: Readonly<Record<string, string>>,
): Promise<NetworkTarget | MissingNetwork | undefined> {
  const name = card.network
  if (name === undefined) return undefined
  const wanted = Object.hasOwn(given, name) ? given[name] : undefined
  if (wanted !== undefined && wanted !== 'forget') {
    const target = parseNetworkTarget(wanted)
    return (await missingDevice(target, `--network ${name}=${wanted}`)) ?? target
  }
  if (card.barrier !== undefined) {
    return {
      missing: `Stasis does not put ${card.barrier} between a guest and "${name}"`,
      hint: `Make a tap device that has them, and give it: --network ${name}=tap:DEVICE`,
    }
  }
  switch (card.type) {
    case 'network':
      return libvirtTarget(name)
    case 'bridge':
      return bridgeTarget(card, name)
    case 'direct':
      return {
        missing: `a macvtap on ${name} is not made by Stasis`,
        hint: `Say what to connect it to: --network ${name}=bridge:BRIDGE, tap:DEVICE or user`,
      }
    case 'user':
    case 'ethernet':
    case 'null':
    case 'client':
    case 'server':
    case 'mcast':
    case 'udp':
      return undefined
  }
}

async function bridgeTarget(
  { virtualPort }: NetworkInterface,
  bridge: string,
): Promise<NetworkTarget | MissingNetwork> {
  const instead = `--network ${bridge}=bridge:BRIDGE, tap:DEVICE or user`
  if (virtualPort !== undefined) {
    return {
      missing: `${bridge} is a switch of the kind ${virtualPort}, to which Stasis adds no ports`,
      hint: `Make a tap device that is a port of it, and give it: --network ${bridge}=tap:DEVICE`,
    }
  }
  if (await hasNetworkInterface(bridge)) return { kind: 'bridge', bridge }
  return {
    missing: `the bridge ${bridge} is missing`,
    hint: `Create it, or use another: ${instead}`,
  }
}

async function libvirtTarget(name: string): Promise<NetworkTarget | MissingNetwork> {
  const network = await findLibvirtNetwork(name)
  const instead = `--network ${name}=bridge:BRIDGE, tap:DEVICE or user`
  if (network === undefined) {
    return {
      missing: `libvirt has no network "${name}" on this host`,
      hint: `Say what it is: ${instead}`,
    }
  }
  const { bridge, virtualPort } = network
  if (bridge === undefined || virtualPort !== undefined) {
    return {
      missing: `the network "${name}" of ${network.path} has no bridge of Linux`,
      hint: `Say what to connect its cards to: ${instead}`,
    }
  }
  if (await hasNetworkInterface(bridge)) return { kind: 'bridge', bridge }
  return {
    missing: `the network "${name}" is not active: its bridge ${bridge} is missing`,
    hint: `Start it (virsh net-start ${name}), or use another: ${instead}`,
  }
}

async function missingDevice(
  target: NetworkTarget,
  text: string,
): Promise<MissingNetwork | undefined> {
  const device =
    target.kind === 'bridge' ? target.bridge : target.kind === 'tap' ? target.device : undefined
  if (device === undefined || (await hasNetworkInterface(device))) return undefined
  return { missing: `the device ${device} of ${text} is missing`, hint: 'Create it' }
}

/** The card with another host's side. */
export function connected(card: NetworkInterface, target: NetworkTarget): NetworkInterface {
  const plain = { ...card, network: undefined, bridge: undefined, virtualPort: undefined }
  switch (target.kind) {
    case 'bridge':
      return { ...plain, type: 'bridge', bridge: target.bridge }
    case 'user':
      return { ...plain, type: 'user' }
    case 'tap': {
      const { device } = target
      const made = { targetDevice: device, managed: false, script: undefined }
      return { ...plain, ...made, type: 'ethernet', downscript: undefined }
    }
    case 'none':
      return { ...plain, type: 'null', linkUp: false }
  }
}

/**
 * Makes the XML of a running machine say which of its cards are on QEMU's user network, because the stream of such a machine has a part of its own for
 * each: whoever restores an image of it must know.
 */
export function recordUserNetworks(document: DomainDocument, { interfaces }: Domain): void {
  const devices = child(document.root, 'devices')
  const cards = devices === undefined ? [] : children(devices, 'interface')
  cards.forEach((element, index) => {
    if (interfaces[index]?.type !== 'user' || element.getAttribute('type') === 'user') return
    element.setAttribute('type', 'user')
    for (const part of ['source', 'target', 'virtualport']) {
      const found = child(element, part)
      if (found !== undefined) element.removeChild(found)
    }
  })
}

function problem({ card: { place }, missing, hint }: CardWithout): XmlProblem {
  const [, path = place, line] = /^(.*?)(?: \(line (\d+)\))?$/.exec(place) ?? []
  return {
    ...{ code: 'NETWORK_MISSING', place: path, hint, hostSideOnly: true },
    line: line === undefined ? undefined : Number(line),
    message: `${place}: ${missing}`,
  }
}

function missingNetworks(without: readonly CardWithout[]): DomainXmlError {
  const problems = without.map(problem)
  const [first] = problems
  const one = problems.length === 1 && first !== undefined
  const anyway = '--allow-link-down starts the guest with the link down'
  return new DomainXmlError(
    'XML_UNSUPPORTED',
    one ? first.message : `${problems.length} network cards have no network on this host`,
    {
      operation: 'connect the network cards',
      problems,
      hint: one ? `${first.hint}; ${anyway}` : anyway,
    },
  )
}
