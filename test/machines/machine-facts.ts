/**
 * How much a difference matters: the host's side only; the processor's model; the guest could notice; an image of the one machine would not load in
 * the other.
 */
export type Weight = 'host' | 'cpu' | 'visible' | 'stream'

/** Facts about a machine by a name that is the same in any command line for it. */
export type MachineFacts = ReadonlyMap<string, { readonly value: string; readonly weight: Weight }>

type Fields = Readonly<Record<string, unknown>>

/**
 * The machine that a QEMU command line describes. Ids are left out, because neither the guest nor the stream contains them; so is everything that only
 * libvirt needs, such as its monitor and its master key. Devices are named by their place on a bus, since the order of the options has no meaning.
 */
export function machineFacts(argv: readonly string[]): MachineFacts {
  const facts = new Facts()
  const options = readOptions(argv)
  const all = (name: string): readonly string[] =>
    options.filter((one) => one.name === name).map(({ value }) => value)
  const objects = index(
    all('-object').map((one) => fieldsOf(one, 'qom-type')),
    'id',
  )
  const nodes = index(
    all('-blockdev').map((one) => fieldsOf(one, 'driver')),
    'node-name',
  )
  const ends: Ends = {
    objects,
    nodes,
    chardevs: index(
      all('-chardev').map((one) => fieldsOf(one, 'backend')),
      'id',
    ),
    netdevs: index(
      all('-netdev').map((one) => fieldsOf(one, 'type')),
      'id',
    ),
    audiodevs: index(
      all('-audiodev').map((one) => fieldsOf(one, 'driver')),
      'id',
    ),
    tpmdevs: index(
      all('-tpmdev').map((one) => fieldsOf(one, 'type')),
      'id',
    ),
  }
  addMachine(facts, options, ends)
  for (const one of all('-device')) addDevice(facts, fieldsOf(one, 'driver'), ends)
  for (const { name, value } of options) {
    if (IGNORED.has(name) || READ_ELSEWHERE.has(name)) continue
    const weight: Weight = HOST_OPTIONS.has(name) ? 'host' : 'visible'
    if (name === '-rtc') addFields(facts, name, fieldsOf(value, 'base'), () => 'visible')
    else if (name === '-vnc' || name === '-spice' || name === '-display')
      facts.add(name, name === '-display' ? value.replace(/,.*/, '') : 'on', 'host')
    else if (name === '-overcommit') addFields(facts, name, fieldsOf(value, ''), () => 'host')
    else facts.addOneOfMany(name, value, weight)
  }
  for (const object of objects.values()) {
    const type = textOf(object['qom-type'])
    if (/^(secret|tls-|memory-backend-|rng-|thread-context|main-loop)/.test(type)) continue
    const guest = /^(sev|tdx)/.test(type)
    facts.addOneOfMany(
      `object ${type}`,
      guest ? textOf(without(object, 'id', 'dh-cert-file', 'session-file')) : 'on',
      guest ? 'visible' : 'host',
    )
  }
  return facts.map
}

/** Says nothing about the machine. */
const IGNORED: ReadonlySet<string> = new Set(
  '-name -S -no-user-config -nodefaults -mon -no-shutdown -incoming -sandbox -msg -D -add-fd -k'.split(
    ' ',
  ),
)
const READ_ELSEWHERE: ReadonlySet<string> = new Set(
  '-machine -accel -cpu -m -smp -device -object -blockdev -chardev -netdev -audiodev -tpmdev -fsdev -no-acpi -no-hpet -numa'.split(
    ' ',
  ),
)
const HOST_OPTIONS: ReadonlySet<string> = new Set(
  '-vnc -spice -display -overcommit -action -no-reboot -run-with -mem-prealloc -full-screen -compat'.split(
    ' ',
  ),
)

/** The properties of a machine that QEMU has where the command line does not name them. */
const MACHINE_DEFAULTS: Fields = { usb: 'off', acpi: 'on', hpet: 'on' }

const HOST_MACHINE = /^(dump-guest-core|mem-merge|pcspk-audiodev|graphics|memory-encryption)$/

/** Properties of devices that only the host knows. */
const HOST_DEVICE =
  /^(werror|rerror|ioeventfd|iothread|iothread-vq-mapping|share-rw|aio|audiodev|ioeventfd|page_per_vq|guestfwd|pr-manager|display|filter)$/

/** Properties of devices that their state in the stream depends on. */
const STREAM_DEVICE =
  /^(num-queues|num_queues|queues|queue-size|virtqueue_size|[rt]x_queue_size|vectors|mq|event_idx|packed|iommu_platform|disable-legacy|disable-modern|chassis|chassis_nr|port|ports|max_ports|p2|p3|mem-reserve|pref64-reserve|ram_size|vram_size|vram64_size_mb|vgamem_mb|vgamem|max_outputs|size|romfile|rombar|multifunction|hotplug|bus_nr|numa_node|max_sectors)$/

interface Option {
  readonly name: string
  readonly value: string
}

interface Ends {
  readonly objects: ReadonlyMap<string, Fields>
  readonly nodes: ReadonlyMap<string, Fields>
  readonly chardevs: ReadonlyMap<string, Fields>
  readonly netdevs: ReadonlyMap<string, Fields>
  readonly audiodevs: ReadonlyMap<string, Fields>
  readonly tpmdevs: ReadonlyMap<string, Fields>
}

class Facts {
  readonly map = new Map<string, { value: string; weight: Weight }>()

  add(name: string, value: string, weight: Weight): void {
    this.map.set(name, { value, weight })
  }

  /** One of several facts of a name, whose order means nothing. */
  addOneOfMany(name: string, value: string, weight: Weight): void {
    let key = `${name} ${value}`
    for (let at = 2; this.map.has(key); at++) key = `${name} ${value} (${at})`
    this.add(key, 'on', weight)
  }

  free(name: string): string {
    let key = name
    for (let at = 2; this.map.has(key); at++) key = `${name} (${at})`
    return key
  }
}

function readOptions(argv: readonly string[]): readonly Option[] {
  const options: Option[] = []
  for (let at = 0; at < argv.length; at++) {
    const name = argv[at] ?? ''
    const next = argv[at + 1]
    const alone = next === undefined || (next.startsWith('-') && next !== '-')
    options.push({ name, value: alone ? '' : next })
    if (!alone) at++
  }
  return options
}

/** Reads a value in JSON or in `a,b=c` syntax; `first` is the name of a part without one. */
function fieldsOf(value: string, first: string): Fields {
  if (value.startsWith('{')) return JSON.parse(value) as Fields
  const fields: Record<string, unknown> = {}
  for (const part of value.split(/(?<!,),(?!,)/).map((one) => one.replaceAll(',,', ','))) {
    const equals = part.indexOf('=')
    const name = equals < 0 ? (first in fields ? part : first) : part.slice(0, equals)
    const content = equals < 0 ? (name === first ? part : 'on') : part.slice(equals + 1)
    fields[name] = name in fields ? `${textOf(fields[name])},${content}` : content
  }
  return fields
}

function index(list: readonly Fields[], key: string): ReadonlyMap<string, Fields> {
  return new Map(list.map((fields) => [textOf(fields[key]), fields]))
}

function textOf(value: unknown): string {
  if (value === true) return 'on'
  if (value === false) return 'off'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`
  const entries = Object.entries(value as Fields).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([name, one]) => `${name}=${textOf(one)}`).join(',')}}`
}

function without(fields: Fields, ...names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
}

function addFields(
  facts: Facts,
  prefix: string,
  fields: Fields,
  weight: (name: string) => Weight,
): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) facts.add(`${prefix} ${name}`, textOf(value), weight(name))
  }
}

function addMachine(facts: Facts, options: readonly Option[], ends: Ends): void {
  const value = (name: string): string | undefined =>
    options.find((one) => one.name === name)?.value
  const { 'memory-backend': backend, ...machine } = fieldsOf(value('-machine') ?? '', 'type')
  const properties: Record<string, unknown> = { ...MACHINE_DEFAULTS, ...machine }
  if (value('-no-acpi') !== undefined) properties['acpi'] = 'off'
  if (value('-no-hpet') !== undefined) properties['hpet'] = 'off'
  for (const [name, content] of Object.entries(properties)) {
    if (/^pflash\d$/.test(name)) addChain(facts, `-machine ${name}`, textOf(content), ends)
    else if (name.endsWith('memdev')) addMemory(facts, textOf(content), `-machine ${name}`, ends)
    else if (name === 'confidential-guest-support') facts.add(`-machine ${name}`, 'on', 'visible')
    else
      facts.add(
        `-machine ${name}`,
        textOf(content),
        HOST_MACHINE.test(name) ? 'host' : name === 'type' ? 'stream' : 'visible',
      )
  }
  const accel = fieldsOf(value('-accel') ?? '', 'accel')
  addFields(facts, '-accel', accel, (name) => (name === 'accel' ? 'visible' : 'host'))
  addProcessor(facts, value('-cpu') ?? '')
  const memory = fieldsOf(value('-m') ?? '', 'size')
  const numa = options.filter(({ name }) => name === '-numa').map((one) => one.value)
  // With RAM blocks of NUMA cells QEMU starts only if the size is their sum. libvirt records a machine where it is not.
  const size = sumOfCells(numa, ends) ?? kibibytes(textOf(memory['size']))
  facts.add('-m size', `${size}k`, 'stream')
  addFields(facts, '-m', without(memory, 'size'), () => 'visible')
  if (backend !== undefined) addMemory(facts, textOf(backend), 'RAM', ends)
  else if (!numa.some((one) => /memdev=/.test(one))) {
    facts.add('RAM pc.ram', `${size * 1024}`, 'stream')
    facts.add('RAM pc.ram qom-type', 'memory-backend-ram', 'host')
  }
  for (const one of numa) addNuma(facts, one, ends)
  const smp = fieldsOf(value('-smp') ?? '1', 'cpus')
  const cpus = { maxcpus: smp['cpus'], dies: 1, clusters: 1, ...smp }
  addFields(facts, '-smp', cpus, (name) => (/cpus/.test(name) ? 'stream' : 'visible'))
}

/** KiB of all cells that have a RAM block; `undefined` if there is none. */
function sumOfCells(numa: readonly string[], ends: Ends): number | undefined {
  const sizes = numa.flatMap((one) => {
    const object = ends.objects.get(textOf(fieldsOf(one, 'kind')['memdev']))
    return object === undefined ? [] : [Number(textOf(object['size'])) / 1024]
  })
  return sizes.length === 0 ? undefined : sizes.reduce((sum, size) => sum + size, 0)
}

function kibibytes(size: string): number {
  const { number = '0', unit = 'M' } = /^(?<number>\d+)(?<unit>[kKMG])?$/.exec(size)?.groups ?? {}
  return Number(number) * ({ k: 1, K: 1, M: 1024, G: 1024 * 1024 }[unit] ?? 1024)
}

/** Flags that come from `<features>` and `<clock>` and not from the processor's model. */
const OWN_FLAGS =
  /^(hv-|kvm|pmu|tsc-frequency|migratable|host-phys-bits|phys-bits|l3-cache|host-cache-info|vmware-cpuid-freq|xen-)/

function addProcessor(facts: Facts, text: string): void {
  const [model = '', ...flags] = text.split(',')
  facts.add('-cpu model', model, 'cpu')
  for (const flag of flags) {
    const [name = '', value = 'on'] = flag.split('=')
    facts.add(`-cpu ${name}`, value, OWN_FLAGS.test(name) ? 'visible' : 'cpu')
  }
}

function addNuma(facts: Facts, text: string, ends: Ends): void {
  const { memdev, ...fields } = fieldsOf(text, 'kind')
  facts.addOneOfMany('-numa', textOf(fields), 'visible')
  if (memdev !== undefined) addMemory(facts, textOf(memdev), 'RAM', ends)
}

/** A RAM block: its name and size are in the stream, its backend is the host's. */
function addMemory(facts: Facts, id: string, name: string, ends: Ends): void {
  const object: Fields = { 'qom-type': 'memory-backend-ram', ...ends.objects.get(id) }
  facts.add(`${name} ${id}`, textOf(object['size']), 'stream')
  const host = without(
    object,
    'size',
    'id',
    'x-use-canonical-path-for-ramblock-id',
    'prealloc-context',
    'mem-path',
  )
  addFields(facts, `${name} ${id}`, host, () => 'host')
}

function addDevice(facts: Facts, fields: Fields, ends: Ends): void {
  const { driver, bus, ...rest } = without(fields, 'id')
  const place = placeOf(fields)
  // QEMU gives them the machine's places in the order of the options.
  const alone = /^virtio-\w+-device$/.test(textOf(driver)) ? 'at virtio-mmio' : textOf(driver)
  const key = facts.free(
    `device ${bus === undefined ? alone : `at ${textOf(bus)}${place === '' ? '' : ` ${place}`}`}`,
  )
  facts.add(key, textOf(driver), 'stream')
  for (const [name, value] of Object.entries(rest)) {
    const text = textOf(value)
    const own = `${key} ${name}`
    switch (name) {
      case 'drive':
        addChain(facts, own, text, ends)
        break
      case 'netdev':
        addNetwork(facts, own, ends.netdevs.get(text) ?? {})
        break
      case 'chardev':
        facts.add(own, backendOf(ends.chardevs.get(text)), 'host')
        break
      case 'audiodev':
        facts.add(own, textOf(ends.audiodevs.get(text)?.['driver']), 'host')
        break
      case 'tpmdev':
        facts.add(own, textOf(ends.tpmdevs.get(text)?.['type']), 'host')
        break
      case 'rng':
        facts.add(own, textOf(ends.objects.get(text)?.['qom-type']), 'host')
        break
      case 'memdev':
        addMemory(facts, text, own, ends)
        break
      case 'vhostfd':
        // Without it QEMU opens the same device of the kernel itself.
        break
      case 'cryptodev':
      case 'fsdev':
        facts.add(own, 'on', 'host')
        break
      default:
        if (placeProperties.includes(name)) break
        facts.add(own, hexless(name, text), weightOf(name))
    }
  }
}

function backendOf(fields: Fields | undefined): string {
  const backend = fields?.['backend']
  if (typeof backend === 'object' && backend !== null) return textOf((backend as Fields)['type'])
  return textOf(backend)
}

/** The properties that place a device on its bus. */
const placeProperties = [
  'addr',
  'nr',
  'port',
  'unit',
  'scsi-id',
  'lun',
  'channel',
  'cad',
  'index',
  'iobase',
]

function placeOf(fields: Fields): string {
  const pci = fields['addr'] !== undefined
  return placeProperties
    .filter((name) => fields[name] !== undefined && !(pci && name !== 'addr'))
    .map((name) => (name === 'addr' ? textOf(fields[name]) : `${name}=${textOf(fields[name])}`))
    .join(' ')
}

function weightOf(name: string): Weight {
  if (HOST_DEVICE.test(name)) return 'host'
  return STREAM_DEVICE.test(name) ? 'stream' : 'visible'
}

/** JSON has decimal numbers where the older syntax has hexadecimal ones. */
function hexless(name: string, text: string): string {
  return name !== 'addr' && /^0x[\da-f]+$/i.test(text) ? String(BigInt(text)) : text
}

function addNetwork(facts: Facts, name: string, netdev: Fields): void {
  // QEMU's helper makes a tap device for a bridge, as libvirt does itself.
  facts.add(name, textOf(netdev['type']).replace(/^bridge$/, 'tap'), 'host')
  if (netdev['vhost'] !== undefined) facts.add(`${name} vhost`, textOf(netdev['vhost']), 'host')
}

/**
 * A disk's nodes from the device to the last backing file. Formats and places are the guest's data; caches and the like are the host's. Since 10.2
 * libvirt leaves out a raw format's node, which therefore counts for nothing; its options are then those of the file's node.
 */
function addChain(facts: Facts, name: string, node: string, ends: Ends): void {
  const seen = new Set<string>()
  const host = new Set<string>()
  const layer = (value: unknown): string => {
    if (value === null) return 'nothing'
    if (typeof value === 'object') return layerOf(value as Fields)
    const id = textOf(value)
    const fields = ends.nodes.get(id)
    if (fields === undefined || seen.has(id)) return id
    seen.add(id)
    return layerOf(fields)
  }
  const layerOf = (fields: Fields): string => {
    const { driver, file, backing, 'data-file': data, ...all } = without(fields, ...NODE_ONLY)
    // libvirt passes a descriptor of the device.
    const rest = driver === 'virtio-blk-vhost-vdpa' ? without(all, 'path') : all
    for (const [key, value] of Object.entries(rest)) {
      // Names of secrets mean nothing.
      if (CHAIN_HOST.test(key))
        host.add(`${key}=${textOf(value).replaceAll(/libvirt-[\w-]+-secret\d/g, 'secret')}`)
    }
    const own = Object.fromEntries(Object.entries(rest).filter(([key]) => !CHAIN_HOST.test(key)))
    const below = file === undefined ? '' : layer(file)
    const plain = Object.keys(own).length === 0
    if (driver === 'raw' && plain) return below
    const local = LOCAL.test(textOf(driver))
    if (local) host.add(textOf(driver))
    const text = plain ? '' : textOf(own)
    const over = backing === undefined ? '' : ` over ${layer(backing)}`
    const beside = data === undefined ? '' : ` with ${layer(data)}`
    return `${local ? 'local' : textOf(driver)}${text}${below === '' ? '' : `(${below})`}${beside}${over}`
  }
  const text = layer(node)
  const top = ends.nodes.get(node) ?? {}
  // A variable store has no backing file, whether or not that is said.
  facts.add(name, name.includes('pflash') ? text.replace(/ over nothing$/, '') : text, 'visible')
  facts.add(`${name} read-only`, textOf(top['read-only'] ?? false), 'visible')
  for (const option of ['discard', 'detect-zeroes'] as const) {
    const unset = option === 'discard' ? 'ignore' : 'off'
    const value = name.includes('pflash') ? unset : textOf(top[option] ?? unset)
    facts.add(`${name} ${option}`, value, 'host')
  }
  facts.add(`${name} on the host`, [...host].toSorted().join(' '), 'host')
}

/** Properties that only name a node, or that the other facts have. */
const NODE_ONLY = [
  'node-name',
  'auto-read-only',
  'read-only',
  'key-secret',
  'password-secret',
  'discard',
  'detect-zeroes',
]

const LOCAL = /^(file|host_device|host_cdrom)$/

const CHAIN_HOST =
  /^(cache|aio|discard-no-unref|throttle-group|encrypt|locking|pr-manager|fdset|user|server-timeout|timeout|readahead|sslverify|reconnect-delay|metadata-cache-size|cache-size|l2-cache-size|tls-creds|cookie-secret)$/
