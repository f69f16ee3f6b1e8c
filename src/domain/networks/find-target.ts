import { needsPasst } from '../../qemu/command-line/devices/network-backends.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import { findLibvirtNetwork } from '../../qemu/foreign/libvirt-networks.ts'
import { hasNetworkInterface, isLinuxBridge } from '../../qemu/host-facts.ts'
import { type Companion, findCompanion } from '../../qemu/programs/find-program.ts'
import { IP } from '../../qemu/programs/ip.ts'
import { obstacleToPort } from '../../qemu/programs/ovs-vsctl.ts'
import { PASST } from '../../qemu/programs/passt.ts'
import { type NetworkTarget, parseNetworkTarget } from './network-target.ts'

/** A card that cannot be connected, with a hint. */
export interface MissingNetwork {
  readonly missing: string
  readonly hint: string
}

type Found = NetworkTarget | MissingNetwork

/**
 * The target of a card on this host; `undefined`: as its XML says. `given` has the targets of callers and the configuration, by the name in the XML.
 * @throws UsageError for an impossible target
 */
export async function findTarget(
  card: NetworkInterface,
  given: Readonly<Record<string, string>>,
): Promise<Found | undefined> {
  const name = card.network
  if (name === undefined) return withoutName(card)
  const wanted = Object.hasOwn(given, name) ? given[name] : undefined
  if (wanted !== undefined && wanted !== 'forget') return givenTarget(card, name, wanted)
  if (card.isFiltered) return missingBarrier('a packet filter', name)
  switch (card.type) {
    case 'network':
      return libvirtTarget(card, name)
    case 'direct':
      return macvtapTarget(name, card)
    default:
      return bridgeTarget(card, name)
  }
}

/** A card that names no network of this host. */
async function withoutName(card: NetworkInterface): Promise<Found | undefined> {
  const { type, targetDevice: device, managed, passt } = card
  if (type === 'ethernet' && !managed && device !== undefined) {
    if (await hasNetworkInterface(device)) return undefined
    return { missing: `the tap device ${device} is missing`, hint: 'Create it' }
  }
  if (passt === undefined || (await findCompanion(PASST)) !== undefined) return undefined
  return type === 'vhostuser' || needsPasst(card) ? missingProgram(PASST) : { kind: 'user' }
}

async function givenTarget(card: NetworkInterface, name: string, wanted: string): Promise<Found> {
  const target = parseNetworkTarget(wanted)
  const device =
    target.kind === 'bridge' ? target.bridge : target.kind === 'tap' ? target.device : undefined
  if (device === undefined) return target
  if (!(await hasNetworkInterface(device)))
    return {
      missing: `the device ${device} of --network ${name}=${wanted} is missing`,
      hint: 'Create it',
    }
  if (target.kind !== 'bridge' || (await isLinuxBridge(device))) return target
  if ((await obstacleToPort(device)) !== undefined) return target
  return switchTarget({ ...card, bridge: device }, name)
}

async function bridgeTarget(card: NetworkInterface, bridge: string): Promise<Found> {
  const { virtualPort, vlan } = card
  if (virtualPort?.type === 'openvswitch')
    return switchTarget({ bridge, virtualPort, vlan }, bridge)
  if (virtualPort !== undefined)
    return {
      missing: `${bridge} is a switch of the kind ${virtualPort.type}, to which Stasis adds no ports`,
      hint: `Make a tap device that is a port of it, and give it: --network ${bridge}=tap:DEVICE`,
    }
  if (vlan !== undefined) return missingBarrier('VLAN tags', bridge)
  if (await hasNetworkInterface(bridge)) return { kind: 'bridge', bridge }
  return { missing: `the bridge ${bridge} is missing`, hint: `Create it, ${orInstead(bridge)}` }
}

async function libvirtTarget(card: NetworkInterface, name: string): Promise<Found> {
  const network = await findLibvirtNetwork(name, card.portGroup)
  if (network === undefined) {
    return {
      missing: `libvirt has no network "${name}" on this host`,
      hint: `Choose a connection: ${insteadOf(name)}`,
    }
  }
  const { bridge, macvtap } = network
  const virtualPort = card.virtualPort ?? network.virtualPort
  const vlan = card.vlan ?? network.vlan
  if (bridge !== undefined && virtualPort?.type === 'openvswitch')
    return switchTarget({ bridge, virtualPort, vlan }, name)
  if (vlan !== undefined) return missingBarrier('VLAN tags', name)
  if (macvtap !== undefined && bridge === undefined && virtualPort === undefined)
    return macvtapTarget(macvtap.device, { macvtapMode: macvtap.mode }, name)
  if (bridge === undefined || virtualPort !== undefined) {
    return {
      missing: `the network "${name}" of ${network.path} has no bridge of Linux or Open vSwitch`,
      hint: `Choose a connection for its cards: ${insteadOf(name)}`,
    }
  }
  if (await hasNetworkInterface(bridge)) return { kind: 'bridge', bridge }
  return {
    missing: `the network "${name}" is not active: its bridge ${bridge} is missing`,
    hint: `Start it (virsh net-start ${name}), ${orInstead(name)}`,
  }
}

async function macvtapTarget(
  device: string,
  { macvtapMode: mode }: Pick<NetworkInterface, 'macvtapMode'>,
  name = device,
): Promise<Found> {
  if (process.geteuid?.() !== 0) return onlyRoot(`make a macvtap on ${device}`, name)
  if (!(await hasNetworkInterface(device)))
    return { missing: `the device ${device} is missing`, hint: `Create it, ${orInstead(name)}` }
  if ((await findCompanion(IP)) === undefined) return missingProgram(IP)
  return { kind: 'macvtap', device, mode }
}

async function switchTarget(
  { bridge, virtualPort, vlan }: Omit<Extract<NetworkTarget, { kind: 'switch' }>, 'kind'>,
  name: string,
): Promise<Found> {
  if (process.geteuid?.() !== 0) return onlyRoot(`add a port to the switch ${bridge}`, name)
  const obstacle = await obstacleToPort(bridge)
  if (obstacle !== undefined)
    return { missing: obstacle.reason, hint: `${obstacle.hint}, ${orInstead(name)}` }
  return { kind: 'switch', bridge, virtualPort, vlan }
}

function missingBarrier(barrier: string, name: string): MissingNetwork {
  return {
    missing: `Stasis does not put ${barrier} between a guest and "${name}"`,
    hint: `Make a tap device that has them, and give it: --network ${name}=tap:DEVICE`,
  }
}

function missingProgram({ name, purpose, package: wanted }: Companion): MissingNetwork {
  return {
    missing: `${name}, which ${purpose}, is not installed`,
    hint: `Install the package ${wanted}`,
  }
}

function onlyRoot(act: string, name: string): MissingNetwork {
  return { missing: `only root can ${act}`, hint: `Use another: ${insteadOf(name)}` }
}

function orInstead(name: string): string {
  return `or use another: ${insteadOf(name)}`
}

function insteadOf(name: string): string {
  return `--network ${name}=bridge:BRIDGE, tap:DEVICE or user`
}
