import { QemuError } from '../../errors.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import { object, type Properties } from './arguments.ts'
import { RAM_ID } from './chipset.ts'
import { atLeast, type CommandLineOptions, type MemoryFile, versionText } from './options.ts'

/** One memory backend: the RAM block of that id in an image. */
export interface MemoryBackend {
  readonly id: string
  readonly sizeBytes: number
}

/** The domain's memory backends: `pc.ram`, or `ram-node0` … with NUMA cells. Their ids name the RAM blocks in an image. */
export function memoryBackends(domain: Domain): readonly MemoryBackend[] {
  if (domain.numa.length === 0) return [{ id: RAM_ID, sizeBytes: domain.memoryBytes }]
  return domain.numa.map((cell) => ({ id: `ram-node${cell.id}`, sizeBytes: cell.memoryBytes }))
}

/** `-m`, and the object for the RAM of a machine without NUMA cells. */
export function memoryArguments(domain: Domain, options: CommandLineOptions): readonly string[] {
  const total = memoryBackends(domain).reduce((sum, backend) => sum + backend.sizeBytes, 0)
  const backends = domain.numa.length === 0 ? memoryBackends(domain) : []
  return [
    '-m',
    `size=${total / 1024}k`,
    ...backends.flatMap((backend) => memoryObject(backend, domain, options)),
    '-overcommit',
    `mem-lock=${domain.memoryBacking.locked ? 'on' : 'off'}`,
  ]
}

/**
 * The `-object` for one backend. Where libvirt would make a file for shared memory or huge pages, this makes a memfd,
 * which needs no path: the guest cannot tell. A backend's id alone names the RAM block because of
 * `x-use-canonical-path-for-ramblock-id=off` (QEMU qemu-options.hx, "memory-backend"; stable in spite of the `x-`).
 */
export function memoryObject(
  backend: MemoryBackend,
  domain: Domain,
  options: CommandLineOptions,
  cell?: { readonly access: 'shared' | 'private' | undefined },
): readonly string[] {
  const { id, sizeBytes: size } = backend
  const file = options.memoryFiles?.get(id)
  const named = { 'x-use-canonical-path-for-ramblock-id': false }
  if (file !== undefined) {
    return object({
      'qom-type': 'memory-backend-file',
      id,
      ...fileProperties(file, options),
      ...named,
      size,
    })
  }
  const { memoryBacking } = domain
  const access = cell?.access ?? memoryBacking.access
  const prealloc =
    memoryBacking.immediate || memoryBacking.hugepages !== undefined ? true : undefined
  const pages = memoryBacking.hugepages
  if (memoryBacking.source === 'anonymous' && access === undefined && pages === undefined) {
    return object({ 'qom-type': 'memory-backend-ram', id, prealloc, size })
  }
  return object({
    'qom-type': 'memory-backend-memfd',
    id,
    hugetlb: pages === undefined ? undefined : true,
    hugetlbsize: pages?.sizeBytes,
    share: access === 'shared',
    ...named,
    prealloc,
    size,
  })
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
    `QEMU ${versionText(options.qemuVersion)} cannot take ${what}: QEMU ${needed} can`,
  )
}
