import type { Element } from '@xmldom/xmldom'
import { attribute, children } from '../../qemu/domain-xml/access.ts'
import { findRunning } from '../catalogue/running-entry.ts'
import { readLiveXml } from '../catalogue/domain-xml.ts'
import { openQuery } from '../machine/monitor.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { devicesOf } from './devices.ts'

/** Where a display of a running domain can be reached: a socket, or an address with a port or a TLS port. */
export interface Display {
  readonly type: string
  readonly socket: string | undefined
  readonly address: string
  readonly port: number | undefined
  readonly tlsPort: number | undefined
}

/**
 * The displays of a running domain that can be reached, in the order of its XML. QEMU is asked for the port of a VNC server that chose one itself.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; StorageError
 */
export async function domainDisplays(
  reference: string,
  { signal, ...options }: DomainOptions,
): Promise<{ readonly name: string; readonly displays: readonly Display[] }> {
  const { name, paths } = await findRunning(await openDirectories(options), reference)
  const found = devicesOf(await readLiveXml(paths), 'graphics').map(read)
  const asks = found.some(
    ({ type, socket, port }) => type === 'vnc' && (socket ?? port) === undefined,
  )
  const ports = asks ? await vncPorts() : []
  const displays = found
    .map((display) => {
      const { type, socket, port } = display
      return type === 'vnc' && (socket ?? port) === undefined
        ? { ...display, port: ports.shift() }
        : display
    })
    .filter(({ socket, port, tlsPort }) => (socket ?? port ?? tlsPort) !== undefined)
  return { name, displays }

  async function vncPorts(): Promise<number[]> {
    await using monitor = await openQuery(paths, signal)
    const servers = await monitor.execute('query-vnc-servers', {}, { signal })
    return servers.flatMap(({ server }) => {
      const [first] = server.filter(({ family, websocket }) => family !== 'unix' && !websocket)
      return first === undefined ? [] : [Number(first.service)]
    })
  }
}

/** libvirt writes address and socket both as attributes of the display and of its `<listen>`. */
function read(graphics: Element): Display {
  const [listen] = children(graphics, 'listen')
  return {
    type: attribute(graphics, 'type') ?? '',
    socket: attribute(listen, 'socket') ?? attribute(graphics, 'socket'),
    address: attribute(listen, 'address') ?? attribute(graphics, 'listen') ?? '127.0.0.1',
    port: portIn(graphics, 'port'),
    tlsPort: portIn(graphics, 'tlsPort'),
  }
}

/** -1 and 0 mean that no port was chosen. */
function portIn(graphics: Element, name: string): number | undefined {
  const port = Number(attribute(graphics, name) ?? -1)
  return port > 0 ? port : undefined
}
