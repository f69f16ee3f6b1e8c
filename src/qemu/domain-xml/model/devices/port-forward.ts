import type { Element } from '@xmldom/xmldom'
import { attribute, children, whole } from '../../access.ts'
import { invalid } from '../../location.ts'

/** A port of the host that forwards to a port of the guest. */
export interface PortForward {
  readonly protocol: 'tcp' | 'udp'
  readonly hostAddress: string
  /** The device of the host on which it is open; `undefined`: all. */
  readonly device: string | undefined
  readonly hostPort: number
  readonly guestPort: number
}

/** All ports of the host but some, each forwarded to the same port of the guest. */
export interface AllPortsForward extends Pick<PortForward, 'protocol' | 'hostAddress' | 'device'> {
  readonly except: readonly number[]
}

/** A larger range is surely a mistake, and would become as many options for QEMU. */
const MAX_RANGE = 1024

/** Reads the `<portForward>` elements of an interface, ranges resolved to single ports. */
export function readPortForwards(element: Element): readonly PortForward[] {
  return children(element, 'portForward').flatMap((forward) => {
    const { ranges, except } = rangesOf(forward)
    return ranges
      .flatMap(readRange)
      .filter(({ hostPort }) => !except.includes(hostPort))
      .map((ports) => ({ ...sideOf(forward), ...ports }) as const)
  })
}

/** Reads those `<portForward>` elements of an interface that list no ports, or only ports to exclude. */
export function readAllPortsForwards(element: Element): readonly AllPortsForward[] {
  return children(element, 'portForward').flatMap((forward) => {
    const { ranges, except } = rangesOf(forward)
    return ranges.length > 0 ? [] : [{ ...sideOf(forward), except }]
  })
}

function sideOf(forward: Element): Pick<PortForward, 'protocol' | 'hostAddress' | 'device'> {
  return {
    protocol: attribute(forward, 'proto') === 'udp' ? 'udp' : 'tcp',
    hostAddress: attribute(forward, 'address') ?? '',
    device: attribute(forward, 'dev'),
  }
}

function rangesOf(forward: Element): {
  readonly ranges: readonly Element[]
  readonly except: readonly number[]
} {
  const all = children(forward, 'range')
  const isExcluded = (range: Element): boolean => attribute(range, 'exclude') === 'yes'
  return {
    ranges: all.filter((range) => !isExcluded(range)),
    except: all.filter(isExcluded).flatMap((range) => readRange(range).map((one) => one.hostPort)),
  }
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
