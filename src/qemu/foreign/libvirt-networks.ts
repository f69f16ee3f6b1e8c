import type { Element } from '@xmldom/xmldom'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { StasisError } from '../../errors.ts'
import { attribute, child, children } from '../domain-xml/access.ts'
import type { MacvtapMode } from '../domain-xml/model/devices/interface.ts'
import {
  type VirtualPort,
  type Vlan,
  readVirtualPort,
  readVlan,
} from '../domain-xml/model/devices/virtual-port.ts'
import { parseXml } from '../domain-xml/parse-xml.ts'

/** A network of libvirt on this host, as far as a card needs it. */
export interface LibvirtNetwork {
  /** The file that describes it. */
  readonly path: string
  /** Its bridge, whether libvirt makes it or it is there before; `undefined` where cards are connected in another way. */
  readonly bridge: string | undefined
  /** Where the bridge is not Linux's own. */
  readonly virtualPort: VirtualPort | undefined
  readonly vlan: Vlan | undefined
  /** The device of the host on which its cards are macvtaps; `undefined` where it has none, or several to choose from. */
  readonly macvtap: { readonly device: string; readonly mode: MacvtapMode } | undefined
}

/**
 * Where libvirt 9.0 to 11.3 describes networks (src/network/bridge_driver.c): running ones first, whose bridge has a name in any case, then
 * the definitions of the system and of the user's session.
 */
function folders(): readonly string[] {
  const session = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config')
  return [
    '/run/libvirt/network',
    '/var/lib/libvirt/network',
    '/etc/libvirt/qemu/networks',
    join(session, 'libvirt/qemu/networks'),
  ]
}

/** The network of that name in libvirt's files, for a card in a group of its ports; `undefined` when there is none that can be read. */
export async function findLibvirtNetwork(
  name: string,
  portGroup?: string,
  searched: readonly string[] = folders(),
): Promise<LibvirtNetwork | undefined> {
  if (name.includes('/') || name.startsWith('.')) return undefined
  for (const folder of searched) {
    const path = join(folder, `${name}.xml`)
    const text = await readFile(path, 'utf8').catch(() => undefined)
    const network = text === undefined ? undefined : read(text, path, portGroup)
    if (network !== undefined) return network
  }
  return undefined
}

/** The network that an XML describes; a running one is inside `<networkstatus>`. */
function read(text: string, path: string, portGroup?: string): LibvirtNetwork | undefined {
  try {
    const root = parseXml(text, path).documentElement ?? undefined
    const network = root?.nodeName === 'network' ? root : child(root, 'network')
    if (network === undefined) return undefined
    const group = children(network, 'portgroup').find((one) =>
      portGroup === undefined
        ? attribute(one, 'default') === 'yes'
        : attribute(one, 'name') === portGroup,
    )
    return {
      path,
      bridge: attribute(child(network, 'bridge'), 'name'),
      virtualPort: readVirtualPort(child(group, 'virtualport') ?? child(network, 'virtualport')),
      vlan: readVlan(child(group, 'vlan') ?? child(network, 'vlan')),
      macvtap: readMacvtap(child(network, 'forward')),
    }
  } catch (error) {
    if (error instanceof StasisError) return undefined
    throw error
  }
}

/** `<forward mode='bridge'>` with devices of the host (libvirt formatnetwork, "Using an existing host bridge", "macvtap"). */
function readMacvtap(forward: Element | undefined): LibvirtNetwork['macvtap'] {
  const mode = attribute(forward, 'mode')
  if (forward === undefined) return undefined
  if (mode !== 'bridge' && mode !== 'vepa' && mode !== 'private' && mode !== 'passthrough')
    return undefined
  const named = children(forward, 'interface').map((one) => attribute(one, 'dev'))
  const devices = new Set([...named, attribute(forward, 'dev')].filter((one) => one !== undefined))
  const [device] = devices
  return device === undefined || devices.size > 1 ? undefined : { device, mode }
}
