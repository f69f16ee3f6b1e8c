import type { Domain } from '../../qemu/domain-xml/model/domain.ts'

/** One thing that the guest can see: what it is, and its value as text. */
export interface GuestFact {
  readonly what: string
  readonly value: string
}

/** The value of the fact that a device is there at all. */
export const THERE = 'there'

/** What every device has and no guest sees: where it stands in the XML, what the host calls it, what is behind it. */
const HOST_SIDE: ReadonlySet<string> = new Set([
  'place',
  'alias',
  'bootOrder',
  'backend',
  'source',
  'backing',
  'cache',
  'io',
  'discard',
  'discardNoUnref',
  'detectZeroes',
  'errorPolicy',
  'readErrorPolicy',
  'iothread',
  'ioeventfd',
  'shareable',
  'type:interface',
  'mac',
  'bridge',
  'targetDevice',
  'managed',
  'script',
  'downscript',
  'passt',
  'forwards',
  'addresses',
  'vhost',
  'linkUp',
  'txMode',
  'file',
  'rate',
  'action',
  'numaNode',
])

/**
 * What a guest sees of its machine, as far as QEMU's device state depends on it: two domains with equal facts can take over
 * each other's saved state. Files, networks and other host sides of devices are left out, and MAC addresses, which travel in the state.
 */
export function guestView(domain: Domain): readonly GuestFact[] {
  return [
    { what: 'the name', value: domain.name },
    { what: 'the UUID', value: domain.uuid ?? 'none' },
    { what: 'the memory size', value: `${domain.memoryBytes / 1024} KiB` },
    { what: 'the number of processors', value: `${domain.vcpus.current} of ${domain.vcpus.max}` },
    { what: 'the architecture', value: domain.os.arch },
    { what: 'the machine type', value: domain.os.machine },
    ...devices('controller', domain.controllers, (one) => `${one.type} ${one.index}`),
    ...devices('disk', domain.disks, (one) => one.target),
    ...devices('interface', domain.interfaces),
    ...devices('serial port', domain.serials),
    ...devices('channel', domain.channels, (one) => one.name),
    ...devices('input device', domain.inputs, (one) => `${one.type} ${one.bus}`),
    ...devices('video card', domain.videos),
    ...devices('hub', domain.hubs),
    // Every q35 has the one called itco; libvirt leaves it out of the XML in an image.
    ...devices(
      'watchdog',
      domain.watchdogs.filter(({ model }) => model !== 'itco'),
    ),
    ...devices('balloon', domain.balloon === undefined ? [] : [domain.balloon]),
    ...devices('random number generator', domain.rngs),
    ...devices('panic device', domain.panics),
  ]
}

function devices<Device extends object>(
  kind: string,
  all: readonly Device[],
  nameOf: (device: Device) => string | undefined = () => undefined,
): readonly GuestFact[] {
  return all.flatMap((device, index) => {
    const what = `the ${kind} ${nameOf(device) ?? index + 1}`
    const facts = Object.entries(device).filter(
      ([name, value]) =>
        value !== undefined && !HOST_SIDE.has(name) && !HOST_SIDE.has(`${name}:${kind}`),
    )
    return [
      { what, value: THERE },
      ...facts.map(([name, value]) => ({ what: `the ${name} of ${what}`, value: inWords(value) })),
    ]
  })
}

/** A value as a person reads it: `type=pci bus=2 slot=0`. */
function inWords(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return value.map(inWords).join(', ')
  const parts = Object.entries(value).filter(([, part]) => part !== undefined)
  return parts.map(([name, part]) => `${name}=${inWords(part)}`).join(' ')
}
