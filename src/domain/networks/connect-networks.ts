import { DomainXmlError, type XmlProblem } from '../../errors.ts'
import { child, children } from '../../qemu/domain-xml/access.ts'
import type { DomainDocument } from '../../qemu/domain-xml/document.ts'
import { isHostCard } from '../../qemu/domain-xml/model/devices/host-device.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import { Configuration } from '../configuration/configuration.ts'
import type { Directories } from '../store/directories.ts'
import { readKnownNetworks } from '../store/host/known-networks.ts'
import { type MissingNetwork, findTarget } from './find-target.ts'
import { type NetworkOptions, type NetworkTarget, parseNetworkTarget } from './network-target.ts'

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
  if (interfaces.some((card, at) => card.type === 'user' && lostPasst(domain.interfaces[at], card)))
    options.onWarning?.("passt is not installed: QEMU's own user network takes its place")
  if (without.length > 0 && options.allowLinkDown !== true) throw missingNetworks(without)
  for (const { card, missing } of without)
    options.onWarning?.(`${missing}: the link of the card ${card.mac ?? card.place} is down`)
  return { ...domain, interfaces }
}

function lostPasst(before: NetworkInterface | undefined, now: NetworkInterface): boolean {
  return before?.passt !== undefined && now.passt === undefined
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
    const found = await findTarget(card, given)
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

/** The card with another host's side. */
export function connected(card: NetworkInterface, target: NetworkTarget): NetworkInterface {
  const nowhere = { network: undefined, bridge: undefined, virtualPort: undefined }
  const plain = { ...card, ...nowhere, vlan: undefined, passt: undefined }
  switch (target.kind) {
    case 'bridge':
      return { ...plain, type: 'bridge', bridge: target.bridge }
    case 'switch': {
      const { bridge, virtualPort = OPEN_VSWITCH, vlan } = target
      return { ...plain, type: 'bridge', bridge, virtualPort, vlan }
    }
    case 'macvtap':
      return { ...plain, type: 'direct', network: target.device, macvtapMode: target.mode }
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

const OPEN_VSWITCH = { type: 'openvswitch', interfaceId: undefined, profileId: undefined }

/**
 * Makes the XML of a running machine say which of its cards are on QEMU's user network, because the stream of such a machine has a part of its own for
 * each: whoever restores an image of it must know.
 */
export function recordUserNetworks(document: DomainDocument, { interfaces }: Domain): void {
  const devices = child(document.root, 'devices')
  const all = devices === undefined ? [] : children(devices, 'interface')
  const cards = all.filter((one) => !isHostCard(one))
  cards.forEach((element, index) => {
    const { type, passt } = interfaces[index] ?? {}
    if (type !== 'user' || passt !== undefined) return
    const isOther = element.getAttribute('type') !== 'user'
    element.setAttribute('type', 'user')
    for (const part of isOther ? ['source', 'target', 'virtualport', 'backend'] : ['backend']) {
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
