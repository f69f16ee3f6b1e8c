import type { Vlan } from '../../domain-xml/model/devices/virtual-port.ts'

/** A port of Open vSwitch to make of a network device. */
export interface SwitchPort {
  /** The device, which exists. */
  readonly name: string
  readonly bridge: string
  readonly mac: string
  readonly domainUuid: string
  readonly interfaceId: string
  readonly profileId: string | undefined
  readonly vlan: Vlan | undefined
}

/** The commands of ovs-vsctl for a new port. */
export function addPortCommands(port: SwitchPort): readonly string[] {
  const { name, bridge, mac, domainUuid, interfaceId, profileId, vlan } = port
  const ids = {
    'attached-mac': mac,
    'iface-id': interfaceId,
    'vm-id': domainUuid,
    ...(profileId !== undefined && { 'port-profile': profileId }),
    'iface-status': 'active',
  }
  return [
    ...['--', 'add-port', bridge, name, ...tags(vlan)],
    // Open vSwitch forgets it at the next boot of the host.
    ...['--', 'set', 'Port', name, 'other_config:transient=true'],
    ...Object.entries(ids).flatMap(([key, value]) => [
      ...['--', 'set', 'Interface', name, `external_ids:${key}=${quoted(value)}`],
    ]),
  ]
}

function tags(vlan: Vlan | undefined): readonly string[] {
  if (vlan === undefined) return []
  const { trunk, native } = vlan
  const [only] = vlan.tags
  if (!trunk) return only === undefined ? [] : [`tag=${only}`]
  return [
    ...(native === undefined ? [] : [`vlan_mode=native-${native.mode}`, `tag=${native.tag}`]),
    `trunks=[${vlan.tags.join(',')}]`,
  ]
}

/** A string of OVSDB (ovs-vsctl(8), "Database Values"). */
function quoted(text: string): string {
  return JSON.stringify(text)
}
