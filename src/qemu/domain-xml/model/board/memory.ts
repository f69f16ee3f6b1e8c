import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, sizeInBytes, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseNumberSet } from '../../values.ts'
import { readMemoryDevice } from './memory-device.ts'
import { readNuma } from './numa.ts'

/** The source of guest RAM on the host. */
export interface MemoryBacking {
  readonly source: 'anonymous' | 'file' | 'memfd'
  readonly access: 'shared' | 'private' | undefined
  /** Huge pages of that size, or of the host's default size when it is `undefined`. */
  readonly hugepages: { readonly sizeBytes: number | undefined } | undefined
  /** Page sizes of single NUMA cells; that of ordinary pages is none. */
  readonly cellPages: ReadonlyMap<number, number | undefined>
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

/** The guest's RAM in bytes, with its memory modules: that of its NUMA cells if it has any, otherwise rounded up as libvirt does. */
export function readMemory(domain: Element): number {
  const cells = readNuma(child(domain, 'cpu'))
  const element = child(domain, 'memory')
  if (cells.length > 0)
    return cells.reduce((sum, cell) => sum + cell.memoryBytes, moduleMemory(domain))
  if (element === undefined) throw invalid(domain, 'the element <memory> is missing')
  const bytes = sizeInBytes(element)
  if (bytes === 0) throw invalid(element, 'a guest without memory cannot run')
  return Math.ceil(bytes / MIB) * MIB
}

/** The memory that the guest has without modules. @throws DomainXmlError `XML_INVALID` when the modules are all of it */
export function baseMemory(domain: Element): number {
  const bytes = readMemory(domain) - moduleMemory(domain)
  if (bytes <= 0) throw invalid(domain, 'the memory modules have more memory than the domain')
  return bytes
}

function moduleMemory(domain: Element): number {
  const devices = child(domain, 'devices')
  return (devices === undefined ? [] : children(devices, 'memory')).reduce(
    (sum, element) => sum + readMemoryDevice(element).sizeBytes,
    0,
  )
}

/** Reads `<maxMemory>`. */
export function readMaxMemory(
  element: Element | undefined,
): { readonly bytes: number; readonly slots: number | undefined } | undefined {
  if (element === undefined) return undefined
  return {
    bytes: Math.ceil(sizeInBytes(element) / MIB) * MIB,
    slots: whole(element, 'slots'),
  }
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
    cellPages: readCellPages(hugepages),
    locked: child(element, 'locked') !== undefined,
    merge: child(element, 'nosharepages') === undefined,
    immediate: attribute(child(element, 'allocation'), 'mode') === 'immediate',
    discard: child(element, 'discard') !== undefined,
  }
}

function readHugepages(element: Element): MemoryBacking['hugepages'] {
  const pages = children(element, 'page')
  // Without NUMA cells libvirt takes a nodeset of 0 for all memory.
  const common = pages.filter((page) => !page.hasAttribute('nodeset'))
  const [, second] = hasCells(element) ? common : pages
  if (second !== undefined) throw invalid(second, 'all memory has another size of pages already')
  const all = common[0] ?? (hasCells(element) ? undefined : pages[0])
  if (all === undefined) return pages.length === 0 ? { sizeBytes: undefined } : undefined
  const sizeBytes = readPageSize(all)
  return sizeBytes === BASE_PAGE ? undefined : { sizeBytes }
}

function hasCells(element: Element): boolean {
  const root = element.ownerDocument?.documentElement ?? undefined
  return child(child(root, 'cpu'), 'numa') !== undefined
}

/** @throws DomainXmlError `XML_INVALID` for a size that no processor has */
function readPageSize(page: Element): number {
  const bytes = sizeInBytes(page, 'size')
  if (!Number.isInteger(Math.log2(bytes)))
    throw invalid(page, 'the size of a page must be a power of two, such as 2 MiB')
  return bytes
}

function readCellPages(element: Element | undefined): ReadonlyMap<number, number | undefined> {
  const found = new Map<number, number | undefined>()
  for (const page of element === undefined ? [] : children(element, 'page')) {
    const sizeBytes = readPageSize(page)
    for (const cell of parseNumberSet(attribute(page, 'nodeset') ?? '') ?? [])
      found.set(cell, sizeBytes === BASE_PAGE ? undefined : sizeBytes)
  }
  return found
}
