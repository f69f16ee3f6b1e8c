import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, sizeInBytes } from '../access.ts'
import { invalid, unsupported } from '../location.ts'
import { readNuma } from './numa.ts'

/** The source of guest RAM on the host. */
export interface MemoryBacking {
  readonly source: 'anonymous' | 'file' | 'memfd'
  readonly access: 'shared' | 'private' | undefined
  /** Huge pages of that size, or of the host's default size when it is `undefined`. */
  readonly hugepages: { readonly sizeBytes: number | undefined } | undefined
  readonly locked: boolean
  readonly merge: boolean
  /** Allocate all memory when the guest starts. */
  readonly immediate: boolean
  readonly discard: boolean
}

/** libvirt rounds memory on x86 up to whole MiB (qemuDomainAlignMemorySizes, libvirt 9.0 and 11.3). */
const MIB = 1024 * 1024

/** The ordinary page size: huge pages of this size are not huge. */
const BASE_PAGE = 4096

/** The guest's RAM in bytes, rounded up as libvirt does. */
export function readMemory(domain: Element): number {
  const cells = readNuma(child(domain, 'cpu'))
  const element = child(domain, 'memory')
  if (element === undefined && cells.length > 0)
    return cells.reduce((sum, cell) => sum + cell.memoryBytes, 0)
  if (element === undefined) throw invalid(domain, 'the element <memory> is missing')
  const bytes = sizeInBytes(element)
  if (bytes === 0) throw invalid(element, 'a guest without memory cannot run')
  return Math.ceil(bytes / MIB) * MIB
}

/** The memory that the balloon leaves to the guest at start; libvirt allows at most the guest's whole memory. */
export function readCurrentMemory(domain: Element): number {
  const element = child(domain, 'currentMemory')
  const memory = readMemory(domain)
  const bytes = element === undefined ? memory : sizeInBytes(element)
  return bytes === 0 ? memory : Math.min(bytes, memory)
}

/** Reads `<memoryBacking>`. */
export function readMemoryBacking(element: Element | undefined): MemoryBacking {
  const hugepages = child(element, 'hugepages')
  return {
    source: (attribute(child(element, 'source'), 'type') ?? 'anonymous') as MemoryBacking['source'],
    access: attribute(child(element, 'access'), 'mode') as MemoryBacking['access'],
    hugepages: hugepages === undefined ? undefined : readHugepages(hugepages),
    locked: child(element, 'locked') !== undefined,
    merge: child(element, 'nosharepages') === undefined,
    immediate: attribute(child(element, 'allocation'), 'mode') === 'immediate',
    discard: child(element, 'discard') !== undefined,
  }
}

function readHugepages(element: Element): { sizeBytes: number | undefined } | undefined {
  const pages = children(element, 'page')
  if (pages.length > 1 || pages.some((page) => page.hasAttribute('nodeset'))) {
    throw unsupported(element, 'huge pages of several sizes are not supported')
  }
  const sizeBytes = pages[0] === undefined ? undefined : sizeInBytes(pages[0], 'size')
  return sizeBytes === BASE_PAGE ? undefined : { sizeBytes }
}
