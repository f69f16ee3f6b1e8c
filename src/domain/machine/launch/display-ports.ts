import { createServer } from 'node:net'
import { attribute, child, children } from '../../../qemu/domain-xml/access.ts'
import { formatDomainXml } from '../../../qemu/domain-xml/format.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import {
  type Graphics,
  isServer,
  type SpiceServer,
} from '../../../qemu/domain-xml/model/screen-and-sound/graphics.ts'
import { parseDomainXml } from '../../../qemu/domain-xml/parse.ts'
import { QemuError } from '../../../errors.ts'

/** libvirt's `remote_display_port_min` and `…_max`. */
const FIRST = 5900
const LAST = 65535

/** A domain with the ports of its displays, and its XML with the same ones. */
export interface PortedMachine {
  readonly domain: Domain
  readonly xml: string
  /** Whether ports were chosen: another process may take them before QEMU does. */
  readonly chosen: boolean
}

/**
 * Chooses free ports for the displays with `autoport`. The live XML has them, as with libvirt; a restore or start chooses again.
 * @throws QemuError QEMU_START_FAILED when no port is free
 */
export async function choosePorts(domain: Domain, xml: string): Promise<PortedMachine> {
  const taken = new Set<number>(domain.graphics.filter(isServer).flatMap(({ port }) => port ?? []))
  const chosen = new Map<string, Pick<SpiceServer, 'port' | 'tlsPort'>>()
  const graphics: Graphics[] = []
  for (const one of domain.graphics) {
    if (!isServer(one) || !one.autoPort || one.listen !== 'address') {
      graphics.push(one)
      continue
    }
    const address = one.address ?? '127.0.0.1'
    const port = await freePort(address, taken)
    if (one.type === 'vnc') {
      chosen.set(one.place, { port, tlsPort: undefined })
      graphics.push({ ...one, port })
      continue
    }
    const secure = one.channels.some(({ mode }) => mode === 'secure')
    const tls = secure || one.defaultMode === 'secure'
    const tlsPort = tls ? await freePort(address, taken) : undefined
    chosen.set(one.place, { port, tlsPort })
    graphics.push({ ...one, port, tlsPort })
  }
  if (chosen.size === 0) return { domain, xml, chosen: false }
  return {
    domain: { ...domain, graphics },
    xml: withPorts(xml, [...chosen.values()]),
    chosen: true,
  }
}

/** Whether every port that was chosen is still free: then something else kept QEMU from starting. */
export async function portsAreFree({ graphics }: Domain): Promise<boolean> {
  for (const one of graphics) {
    if (!isServer(one)) continue
    for (const port of [one.port, one.type === 'spice' ? one.tlsPort : undefined])
      if (port !== undefined && !(await isFree(one.address ?? '127.0.0.1', port))) return false
  }
  return true
}

function withPorts(xml: string, ports: readonly Pick<SpiceServer, 'port' | 'tlsPort'>[]): string {
  const document = parseDomainXml(xml)
  const devices = child(document.root, 'devices')
  const servers = (devices === undefined ? [] : children(devices, 'graphics')).filter(
    (one) =>
      ['vnc', 'spice'].includes(attribute(one, 'type') ?? '') &&
      attribute(one, 'autoport') === 'yes' &&
      attribute(child(one, 'listen'), 'type') === 'address',
  )
  servers.forEach((server, at) => {
    const { port, tlsPort } = ports[at] ?? {}
    if (port !== undefined) server.setAttribute('port', String(port))
    if (tlsPort !== undefined) server.setAttribute('tlsPort', String(tlsPort))
  })
  return formatDomainXml(document)
}

async function freePort(address: string, taken: Set<number>): Promise<number> {
  for (let port = FIRST; port <= LAST; port++) {
    if (taken.has(port) || !(await isFree(address, port))) continue
    taken.add(port)
    return port
  }
  throw new QemuError('QEMU_START_FAILED', `No port of ${address} is free for a display`, {
    operation: 'choose a port',
  })
}

/** An address that this host does not have leaves the answer to QEMU. */
function isFree(address: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', (error: NodeJS.ErrnoException) => {
    resolve(error.code !== 'EADDRINUSE' && error.code !== 'EACCES')
  })
  server.listen({ host: address, port, exclusive: true }, () => {
    server.close(() => resolve(true))
  })
  return promise
}
