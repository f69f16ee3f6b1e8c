import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole } from '../../access.ts'
import { invalid, unsupported } from '../../location.ts'

/** A port of the host that forwards to a port of the guest. */
export interface PortForward {
  readonly protocol: 'tcp' | 'udp'
  readonly hostAddress: string
  readonly hostPort: number
  readonly guestPort: number
}

/** A larger range is surely a mistake, and would become as many options for QEMU. */
const MAX_RANGE = 1024

/** Reads the `<portForward>` elements of an interface, ranges resolved to single ports. */
export function readPortForwards(element: Element): readonly PortForward[] {
  return children(element, 'portForward').flatMap((forward) => {
    if (forward.hasAttribute('dev')) {
      throw unsupported(forward, 'forwarding from a device is not supported; use an address')
    }
    const protocol = attribute(forward, 'proto') === 'udp' ? 'udp' : 'tcp'
    const hostAddress = attribute(forward, 'address') ?? ''
    if (child(forward, 'range') === undefined) {
      throw unsupported(
        forward,
        'forwarding all ports is not supported',
        'List the ports with <range>',
      )
    }
    const [excluded, ranges] = [true, false].map((wanted) =>
      children(forward, 'range').filter(
        (range) => (attribute(range, 'exclude') === 'yes') === wanted,
      ),
    ) as [Element[], Element[]]
    const without = new Set(excluded.flatMap(readRange).map(({ hostPort }) => hostPort))
    return ranges
      .flatMap(readRange)
      .filter(({ hostPort }) => !without.has(hostPort))
      .map((ports) => ({ protocol, hostAddress, ...ports }) as const)
  })
}

function readRange(range: Element): { hostPort: number; guestPort: number }[] {
  const start = whole(range, 'start')
  if (start === undefined) throw invalid(range, 'the attribute "start" is missing')
  const end = whole(range, 'end') ?? start
  const to = whole(range, 'to') ?? start
  if (start === 0 || end < start || end > 65535 || to === 0 || to + end - start > 65535) {
    throw invalid(range, `${start} to ${end} is not a valid range of ports`)
  }
  if (end - start >= MAX_RANGE) throw invalid(range, `it forwards more than ${MAX_RANGE} ports`)
  return Array.from({ length: end - start + 1 }, (_, at) => ({
    hostPort: start + at,
    guestPort: to + at,
  }))
}
