import type { Domain } from '../../qemu/domain-xml/model/domain.ts'

/** A fact that the guest can see: its subject, and its value as text. */
export interface GuestFact {
  readonly subject: string
  readonly value: string
}

/** The value of the fact that a device exists. */
export const THERE = 'there'

/** Properties of every device that no guest sees: its place in the XML, its name on the host, its host side. */
const HOST_SIDE: ReadonlySet<string> = new Set([
  'place',
  'alias',
  'bootOrder',
  'backend',
  'source',
  'backing',
  'vhostUser',
  'vdpaDevice',
  'transient',
  'limits',
  'cache',
  'io',
  'discard',
  'discardNoUnref',
  'detectZeroes',
  'errorPolicy',
  'readErrorPolicy',
  'iothread',
  'iothreadMap',
  'ioeventfd',
  'shareable',
  'type:interface',
  'mac',
  'bridge',
  'network',
  'portGroup',
  'macvtapMode',
  'virtualPort',
  'vlan',
  'socket',
  'vhostSocket',
  'isFiltered',
  'devicePaths',
  'targetDevice',
  'managed',
  'script',
  'downscript',
  'passt',
  'forwards',
  'allPortsForwards',
  'addresses',
  'vhost',
  'linkUp',
  'txMode',
  'file',
  'rate',
  'action',
  'numaNode',
  'audioId',
  'certificates',
  'database',
  'hostNodes',
  'pageBytes',
  'path:memory device',
  'path:pstore',
  'path:shared memory',
  'server:shared memory',
  'kind:random number generator',
])

/**
 * The guest's view of its machine, as far as QEMU's device state depends on it: two domains with equal facts can load each other's saved state. It
 * omits files, networks and other host sides of devices, and MAC addresses, which are part of the state.
 */
export function guestView(domain: Domain): readonly GuestFact[] {
  return [
    { subject: 'the name', value: domain.name },
    { subject: 'the UUID', value: domain.uuid ?? 'none' },
    { subject: 'the memory size', value: `${domain.memoryBytes / 1024} KiB` },
    {
      subject: 'the number of processors',
      value: `${domain.vcpus.current} of ${domain.vcpus.max}`,
    },
    { subject: 'the architecture', value: domain.os.arch },
    { subject: 'the machine type', value: domain.os.machine },
    ...devices('controller', domain.controllers, (one) => `${one.type} ${one.index}`),
    ...devices('disk', domain.disks, (one) => one.target),
    ...devices('interface', domain.interfaces),
    ...devices('serial port', domain.serials),
    ...devices('parallel port', domain.parallels),
    ...devices('forwarded address', domain.guestForwards),
    ...devices('channel', domain.channels, (one) => one.name),
    ...devices(
      'input device',
      domain.inputs.filter(({ type }) => type !== 'evdev'),
      (one) => `${one.type} ${one.bus}`,
    ),
    ...devices('video card', domain.videos),
    ...devices('sound card', domain.sounds),
    ...devices('redirected USB device', domain.redirectedDevices),
    ...devices('smart card', domain.smartCards),
    ...devices('hub', domain.hubs),
    // Every q35 has the one called itco; libvirt omits it from the XML in an image.
    ...devices(
      'watchdog',
      domain.watchdogs.filter(({ model }) => model !== 'itco'),
    ),
    ...devices('balloon', domain.balloon === undefined ? [] : [domain.balloon]),
    ...devices('random number generator', domain.rngs),
    ...devices('panic device', domain.panics),
    ...devices('memory device', domain.memoryDevices),
    ...devices('IOMMU', domain.iommus),
    ...devices('crypto device', domain.cryptos),
    ...devices('shared memory', domain.sharedMemories),
    ...devices('vsock', domain.vsocks),
    ...devices('pstore', domain.pstores),
  ]
}

function devices<Device extends object>(
  kind: string,
  all: readonly Device[],
  nameOf: (device: Device) => string | undefined = () => undefined,
): readonly GuestFact[] {
  return all.flatMap((device, index) => {
    const subject = `the ${kind} ${nameOf(device) ?? index + 1}`
    const facts = Object.entries(device).filter(
      ([name, value]) =>
        value !== undefined && !HOST_SIDE.has(name) && !HOST_SIDE.has(`${name}:${kind}`),
    )
    return [
      { subject, value: THERE },
      ...facts.map(([name, value]) => ({
        subject: `the ${name} of ${subject}`,
        value: inWords(value),
      })),
    ]
  })
}

/** A value in a form for people: `type=pci bus=2 slot=0`. */
function inWords(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return value.map(inWords).join(', ')
  const parts = Object.entries(value).filter(([, part]) => part !== undefined)
  return parts.map(([name, part]) => `${name}=${inWords(part)}`).join(' ')
}
