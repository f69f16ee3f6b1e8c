import { QemuError } from '../../errors.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import type { NumaCell } from '../domain-xml/model/numa.ts'
import { object, type Properties } from './arguments.ts'
import { machineVersion } from './machine-version.ts'
import { atLeast, type CommandLineOptions, type MemoryFile, versionText } from './options.ts'

/** The id of the RAM block that holds a PC's memory, as images name it (hw/i386/pc.c, `default_ram_id`). */
export const RAM_ID: string = 'pc.ram'

/** One memory backend: the RAM block of that id in an image. */
export interface MemoryBackend {
  readonly id: string
  readonly sizeBytes: number
  /** The NUMA cell whose memory this is, if any. */
  readonly cell: NumaCell | undefined
}

/** The domain's memory backends: `pc.ram`, or `ram-node0` … with NUMA cells. Their ids name the RAM blocks in an image. */
export function memoryBackends(domain: Domain): readonly MemoryBackend[] {
  if (!hasCellBackends(domain)) {
    const cells = domain.numa.reduce((sum, cell) => sum + cell.memoryBytes, 0)
    return [{ id: RAM_ID, sizeBytes: cells === 0 ? domain.memoryBytes : cells, cell: undefined }]
  }
  return domain.numa.map((cell) => ({
    id: `ram-node${cell.id}`,
    sizeBytes: cell.memoryBytes,
    cell,
  }))
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
  return !old || domain.numaBound || domain.numa.some((cell) => isSpecial(domain, cell))
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
  const backends = memoryBackends(domain)
  const total = backends.reduce((sum, backend) => sum + backend.sizeBytes, 0)
  return [
    '-m',
    `size=${total / 1024}k`,
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
  const { id, sizeBytes: size, cell } = backend
  const file = options.memoryFiles?.get(id)
  const special = isSpecial(domain, cell)
  const plainName = { 'x-use-canonical-path-for-ramblock-id': false }
  if (file !== undefined) {
    const named = cell === undefined || !special ? plainName : {}
    return object({
      'qom-type': 'memory-backend-file',
      id,
      ...fileProperties(file, options),
      ...named,
      size,
    })
  }
  const { immediate, hugepages } = domain.memoryBacking
  const prealloc = immediate || hugepages !== undefined ? true : undefined
  if (!special) return object({ 'qom-type': 'memory-backend-ram', id, prealloc, size })
  return object({
    'qom-type': 'memory-backend-memfd',
    id,
    hugetlb: hugepages === undefined ? undefined : true,
    hugetlbsize: hugepages?.sizeBytes,
    share: (cell?.access ?? domain.memoryBacking.access) === 'shared',
    ...(cell === undefined ? plainName : {}),
    prealloc,
    size,
  })
}

/** Whether the memory must be something other than ordinary anonymous memory. */
function isSpecial(domain: Domain, cell: NumaCell | undefined): boolean {
  const { source, access, hugepages } = domain.memoryBacking
  return source !== 'anonymous' || (cell?.access ?? access) !== undefined || hugepages !== undefined
}

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
