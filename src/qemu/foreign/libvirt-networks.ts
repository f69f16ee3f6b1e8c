import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { StasisError } from '../../errors.ts'
import { attribute, child } from '../domain-xml/access.ts'
import { parseXml } from '../domain-xml/parse-xml.ts'

/** A network of libvirt on this host, as far as a card needs it. */
export interface LibvirtNetwork {
  /** The file that describes it. */
  readonly path: string
  /** Its bridge, whether libvirt makes it or it is there before; `undefined` where cards are connected in another way. */
  readonly bridge: string | undefined
  /** `openvswitch` and the like, where the bridge is not Linux's own. */
  readonly virtualPort: string | undefined
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

/** The network of that name in libvirt's files; `undefined` when there is none that can be read. */
export async function findLibvirtNetwork(
  name: string,
  searched: readonly string[] = folders(),
): Promise<LibvirtNetwork | undefined> {
  if (name.includes('/') || name.startsWith('.')) return undefined
  for (const folder of searched) {
    const path = join(folder, `${name}.xml`)
    const text = await readFile(path, 'utf8').catch(() => undefined)
    const network = text === undefined ? undefined : read(text, path)
    if (network !== undefined) return network
  }
  return undefined
}

/** The network that an XML describes; a running one is inside `<networkstatus>`. */
function read(text: string, path: string): LibvirtNetwork | undefined {
  try {
    const root = parseXml(text, path).documentElement ?? undefined
    const network = root?.nodeName === 'network' ? root : child(root, 'network')
    if (network === undefined) return undefined
    return {
      path,
      bridge: attribute(child(network, 'bridge'), 'name'),
      virtualPort: attribute(child(network, 'virtualport'), 'type'),
    }
  } catch (error) {
    if (error instanceof StasisError) return undefined
    throw error
  }
}
