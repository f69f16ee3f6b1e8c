import { readFile } from 'node:fs/promises'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { isServer } from '../../qemu/domain-xml/model/screen-and-sound/graphics.ts'
import { type Finding, fault } from './finding.ts'

/** The state of a listening socket in the kernel's table (Linux include/net/tcp_states.h). */
const LISTENS = '0A'

/** Checks whether the fixed ports of a domain's displays, serial ports and networks are free. It opens none. */
export async function checkPorts(domain: Domain): Promise<readonly Finding[]> {
  const taken = await listeningPorts()
  return fixedPorts(domain)
    .filter(({ port }) => taken.has(port))
    .map(({ what, port }) =>
      fault(
        'PORTS',
        `Another program listens on port ${port}, which ${what} needs`,
        'Find out which program that is, or give another port with --xml',
      ),
    )
}

interface FixedPort {
  readonly what: string
  readonly port: number
}

function fixedPorts({ graphics, serials, channels, interfaces }: Domain): readonly FixedPort[] {
  const displays = graphics.flatMap((one) => {
    if (!isServer(one) || one.autoPort || one.listen !== 'address') return []
    const more = one.type === 'vnc' ? one.websocket : one.tlsPort
    return [one.port, more].filter((port) => port !== undefined)
  })
  const devices = [...serials, ...channels].flatMap(({ backend: { type, mode, service } }) =>
    type === 'tcp' && mode === 'bind' && /^\d+$/.test(service ?? '') ? [Number(service)] : [],
  )
  const forwards = interfaces.flatMap((card) =>
    card.forwards.flatMap(({ protocol, hostPort }) => (protocol === 'tcp' ? [hostPort] : [])),
  )
  return [
    ...displays.map((port) => ({ what: 'a display', port })),
    ...devices.map((port) => ({ what: 'a serial port or channel', port })),
    ...forwards.map((port) => ({ what: 'a network card', port })),
  ]
}

/** The TCP ports on which a program of this host listens, on whatever address (Linux Documentation/networking/proc_net_tcp.rst). */
async function listeningPorts(): Promise<ReadonlySet<number>> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'latin1').catch(() => '')),
  )
  const lines = tables.flatMap((table) => table.split('\n'))
  return new Set(
    lines.flatMap((line) => {
      const [, local = '', , state] = line.trim().split(/\s+/)
      return state === LISTENS ? [Number.parseInt(local.slice(local.indexOf(':') + 1), 16)] : []
    }),
  )
}
