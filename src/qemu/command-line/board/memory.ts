import { describesLatency } from './memory-latency.ts'
import { QemuError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { MemoryDevice } from '../../domain-xml/model/board/memory-device.ts'
import type { NumaCell } from '../../domain-xml/model/board/numa.ts'
import { object, type Properties } from '../arguments.ts'
import { machineVersion } from './machine-version.ts'
import { atLeast, type CommandLineOptions, type MemoryFile, versionText } from '../options.ts'

/** The id of the RAM block that holds the memory of a machine, as images name it (`default_ram_id` in hw/i386/pc.c and hw/arm/virt.c). */
export function ramId({ os }: Domain): 'pc.ram' | 'mach-virt.ram' {
  return os.arch === 'aarch64' ? 'mach-virt.ram' : 'pc.ram'
}

/** One memory backend: the RAM block of that id in an image. */
export interface MemoryBackend {
  readonly id: string
  readonly sizeBytes: number
  /** The NUMA cell whose memory this is, if any. */
  readonly cell: NumaCell | undefined
  /** The memory module or device that has it, if any. */
  readonly device: MemoryDevice | undefined
}

/**
 * The domain's memory backends: that of `ramId`, or `ram-node0` … with NUMA cells; then those of memory modules, such as `memdimm0`. Their ids name the RAM
 * blocks in an image.
 */
export function memoryBackends(domain: Domain): readonly MemoryBackend[] {
  return [...baseBackends(domain), ...deviceBackends(domain)]
}

function baseBackends(domain: Domain): readonly MemoryBackend[] {
  const common = { device: undefined }
  if (!hasCellBackends(domain)) {
    const cells = domain.numa.reduce((sum, cell) => sum + cell.memoryBytes, 0)
    const modules = domain.memoryDevices.reduce((sum, one) => sum + one.sizeBytes, 0)
    const sizeBytes = cells === 0 ? domain.memoryBytes - modules : cells
    return [{ id: ramId(domain), sizeBytes, cell: undefined, ...common }]
  }
  return domain.numa.map((cell) => ({
    id: `ram-node${cell.id}`,
    sizeBytes: cell.memoryBytes,
    cell,
    ...common,
  }))
}

/** Modules are named by their slots, other devices are counted, as in libvirt (qemuAssignDeviceMemoryAlias). */
function deviceBackends(domain: Domain): readonly MemoryBackend[] {
  const counts = new Map<string, number>()
  return domain.memoryDevices.map((device) => {
    const prefix = device.model.replace('-', '')
    const number = device.slot ?? counts.get(prefix) ?? 0
    counts.set(prefix, number + 1)
    const cell = domain.numa.find(({ id }) => id === device.cell)
    const { sizeBytes } = device
    return { id: `mem${device.alias ?? `${prefix}${number}`}`, sizeBytes, cell, device }
  })
}

/** Whether the RAM block is ordinary memory, which a restore may take from a file of its own; a module's own file and virtio-mem are not. */
export function isOrdinary(
  { device, cell }: MemoryBackend,
  { memoryBacking: { cellPages } }: Domain,
): boolean {
  if (cell !== undefined && cellPages.get(cell.id) !== undefined) return false
  return device === undefined || (device.model === 'dimm' && device.pageBytes === undefined)
}

/**
 * Whether each NUMA cell has a RAM block of its own. Machine types up to 5.0 divide one block (`-numa node,mem=`) unless some setting needs more;
 * QEMU reports it in `query-machines`, "numa-mem-supported".
 */
export function hasCellBackends(domain: Domain): boolean {
  if (domain.numa.length === 0) return false
  const version = machineVersion(domain.os.machine)
  const old =
    version !== undefined && (version.major < 5 || (version.major === 5 && version.minor === 0))
  return (
    !old ||
    domain.numaBound ||
    describesLatency(domain) ||
    domain.numa.some((cell) => isSpecial(domain, cell))
  )
}

/** The path of a memory file that QEMU inherits with this descriptor. */
export function inheritedPath(fd: number): string {
  return `/proc/self/fd/${fd}`
}

/** The descriptors of the memory files that a QEMU with these arguments inherited: see `inheritedPath`. */
export function inheritedMemory(argv: readonly string[]): readonly number[] {
  return argv.flatMap((argument) => {
    const fd = /"mem-path":"\/proc\/self\/fd\/(\d+)"/.exec(argument)?.[1]
    return fd === undefined ? [] : [Number(fd)]
  })
}

/** `-m`, and the object for the RAM of a machine whose NUMA cells have no backends of their own. */
export function memoryArguments(domain: Domain, options: CommandLineOptions): readonly string[] {
  const backends = baseBackends(domain)
  const total = backends.reduce((sum, backend) => sum + backend.sizeBytes, 0)
  const { maxMemory } = domain
  const most =
    maxMemory === undefined
      ? ''
      : `${maxMemory.slots === undefined || maxMemory.slots === 0 ? '' : `,slots=${maxMemory.slots}`},maxmem=${maxMemory.bytes / 1024}k`
  return [
    '-m',
    `size=${total / 1024}k${most}`,
    ...backends
      .filter((backend) => backend.cell === undefined)
      .flatMap((backend) => memoryObject(backend, domain, options)),
    '-overcommit',
    `mem-lock=${domain.memoryBacking.locked ? 'on' : 'off'}`,
  ]
}

/**
 * The `-object` for one backend. Where libvirt would create a file for shared memory or huge pages, this creates a memfd, which needs no path and
 * looks the same to the guest. Machine types up to 3.1 name the block of such a backend by its path in the object tree; with
 * `x-use-canonical-path-for-ramblock-id` off it has the plain id, as libvirt sets it for RAM that belongs to no NUMA cell (QEMU qemu-options.hx,
 * "memory-backend"; stable in spite of the `x-`).
 */
export function memoryObject(
  backend: MemoryBackend,
  domain: Domain,
  options: CommandLineOptions,
): readonly string[] {
  const { id, sizeBytes: size, cell, device } = backend
  const file = options.memoryFiles?.get(id)
  const pages = pagesOf(backend, domain)
  const special = isSpecial(domain, cell) || pages !== undefined || device?.access !== undefined
  const own = cell !== undefined || device !== undefined
  const plainName = { 'x-use-canonical-path-for-ramblock-id': false }
  const bound = bindingOf(backend, domain, options)
  const access = device?.access ?? cell?.access ?? domain.memoryBacking.access
  if (device?.path !== undefined) return object({ ...persistent(id, device, domain, access), size })
  if (file !== undefined) {
    const named = !own || !special ? plainName : {}
    return object({
      'qom-type': 'memory-backend-file',
      id,
      ...fileProperties(file, options),
      ...named,
      size,
      ...bound,
    })
  }
  const eager = domain.memoryBacking.immediate || pages !== undefined ? true : undefined
  // QEMU itself plugs the memory of virtio-mem in parts.
  const filled = device?.model === 'virtio-mem' ? { reserve: false } : { prealloc: eager }
  if (!special) return object({ 'qom-type': 'memory-backend-ram', id, ...filled, size, ...bound })
  return object({
    'qom-type': 'memory-backend-memfd',
    id,
    hugetlb: pages === undefined ? undefined : true,
    hugetlbsize: pages?.sizeBytes,
    share: access === 'shared',
    ...(own ? {} : plainName),
    ...filled,
    size,
    ...bound,
  })
}

/** The huge pages of a backend: those of its device, of its cell, or of the domain; `undefined` when it has ordinary ones. */
function pagesOf(
  { cell, device }: MemoryBackend,
  { memoryBacking: { hugepages, cellPages } }: Domain,
): { readonly sizeBytes: number | undefined } | undefined {
  if (device?.pageBytes !== undefined)
    return device.pageBytes === BASE_PAGE ? undefined : { sizeBytes: device.pageBytes }
  if (cell === undefined || !cellPages.has(cell.id)) return hugepages
  const sizeBytes = cellPages.get(cell.id)
  return sizeBytes === undefined ? undefined : { sizeBytes }
}

/** Nodes that this host does not have are left out, and so is a binding without any node: the guest runs with other memory. */
function bindingOf(
  { cell, device }: MemoryBackend,
  { numaTune }: Domain,
  { hostNodes }: CommandLineOptions,
): Properties {
  const tuned = (cell === undefined ? undefined : numaTune.cells.get(cell.id)) ?? numaTune.all
  const nodes = device?.hostNodes ?? tuned?.nodes
  if (nodes === undefined) return {}
  const found = nodes.filter((node) => hostNodes?.has(node) ?? true)
  if (found.length === 0) return {}
  return { 'host-nodes': found, policy: tuned?.policy ?? numaTune.policy }
}

/** A file with contents that outlive the guest. */
function persistent(
  id: string,
  device: MemoryDevice,
  { memoryBacking }: Domain,
  access: MemoryDevice['access'],
): Properties {
  const eager = device.model === 'nvdimm' ? !device.pmem : memoryBacking.immediate
  return {
    'qom-type': 'memory-backend-file',
    id,
    'mem-path': device.path,
    share: access === undefined ? undefined : access === 'shared',
    prealloc: eager || memoryBacking.immediate ? true : undefined,
    align: device.alignBytes,
    pmem: device.pmem ? true : undefined,
  }
}

const BASE_PAGE = 4096

/** Whether the memory must be something other than ordinary anonymous memory. */
function isSpecial(domain: Domain, cell: NumaCell | undefined): boolean {
  const { source, access, hugepages, cellPages } = domain.memoryBacking
  const cellSize = cell === undefined ? undefined : cellPages.get(cell.id)
  const without = cell !== undefined && cellPages.has(cell.id) && cellSize === undefined
  return (
    source !== 'anonymous' ||
    (cell?.access ?? access) !== undefined ||
    cellSize !== undefined ||
    (hugepages !== undefined && !without)
  )
}

/** The huge pages that the kernel makes by itself, on x86_64, and on aarch64 with pages of 4 KiB. */
const HUGE_PAGE = 2 * 1024 * 1024

function fileProperties(file: MemoryFile, options: CommandLineOptions): Properties {
  const { qemuVersion } = options
  const offset = file.offset === undefined || file.offset === 0 ? undefined : file.offset
  if (offset !== undefined && !atLeast(qemuVersion, 8, 1)) {
    throw lacks('guest RAM from the middle of a file', '8.1', options)
  }
  if (file.readonly === true && !atLeast(qemuVersion, 8, 2)) {
    throw lacks('guest RAM from a read-only file', '8.2', options)
  }
  return {
    'mem-path': file.path,
    share: file.share,
    // Only then does the kernel map huge pages of the file as such.
    align: file.share ? HUGE_PAGE : undefined,
    offset,
    ...(file.readonly === true ? { readonly: true, rom: 'off' } : {}),
  }
}

function lacks(what: string, needed: string, options: CommandLineOptions): QemuError {
  return new QemuError(
    'QEMU_LACKS_FEATURE',
    `QEMU ${versionText(options.qemuVersion)} does not support ${what}; QEMU ${needed} does`,
  )
}
