import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  child,
  children,
  flag,
  requiredAttribute,
  requiredChild,
  sizeInBytes,
  whole,
} from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseNumberSet } from '../../values.ts'

/** A NUMA node of the guest. */
export interface NumaCell {
  readonly id: number
  readonly cpus: readonly number[]
  readonly memoryBytes: number
  readonly access: 'shared' | 'private' | undefined
  readonly discard: boolean | undefined
  /** Distances to other cells, by their id. */
  readonly distances: ReadonlyMap<number, number>
  /** Caches between the processors and this cell's memory. */
  readonly caches: readonly MemoryCache[]
}

export interface MemoryCache {
  readonly level: number
  readonly associativity: 'none' | 'direct' | 'full'
  readonly policy: 'none' | 'writeback' | 'writethrough'
  readonly sizeBytes: number
  readonly lineBytes: number
}

/** How fast the processors of a cell (`initiator`) reach the memory of another. */
export interface Interconnect {
  readonly initiator: number
  readonly target: number
  /** The level of the cache that the number is for; 0: the memory itself. */
  readonly cache: number
  readonly access: 'access' | 'read' | 'write'
  /** Nanoseconds, or bytes each second. */
  readonly latency: number | undefined
  readonly bandwidth: number | undefined
}

/** Reads `<cpu><numa><interconnects>`. */
export function readInterconnects(cpu: Element | undefined): readonly Interconnect[] {
  const all = child(child(cpu, 'numa'), 'interconnects')
  if (all === undefined) return []
  return children(all).map((one) => {
    const isBandwidth = one.nodeName === 'bandwidth'
    return {
      initiator: required(one, 'initiator'),
      target: required(one, 'target'),
      cache: whole(one, 'cache') ?? 0,
      access: requiredAttribute(one, 'type') as Interconnect['access'],
      latency: isBandwidth ? undefined : required(one, 'value'),
      bandwidth: isBandwidth ? sizeInBytes(one, 'value') : undefined,
    }
  })
}

function readCache(element: Element): MemoryCache {
  return {
    level: required(element, 'level'),
    associativity: requiredAttribute(element, 'associativity') as MemoryCache['associativity'],
    policy: requiredAttribute(element, 'policy') as MemoryCache['policy'],
    sizeBytes: sizeInBytes(requiredChild(element, 'size'), 'value'),
    lineBytes: sizeInBytes(requiredChild(element, 'line'), 'value'),
  }
}

function required(element: Element, name: string): number {
  requiredAttribute(element, name)
  return whole(element, name) ?? 0
}

/** Reads `<cpu><numa>`, in the order of the cells' ids. */
export function readNuma(cpu: Element | undefined): readonly NumaCell[] {
  const numa = child(cpu, 'numa')
  if (numa === undefined) return []
  const cells = children(numa, 'cell').map((element, at) => readCell(element, at))
  const ordered = cells.toSorted((a, b) => a.id - b.id)
  ordered.forEach((cell, at) => {
    if (cell.id !== at) throw invalid(numa, 'the ids of the cells must count up from 0')
  })
  return ordered
}

function readCell(element: Element, at: number): NumaCell {
  const cpus = attribute(element, 'cpus')
  const siblings = children(child(element, 'distances') ?? element, 'sibling')
  return {
    id: whole(element, 'id') ?? at,
    cpus: cpus === undefined ? [] : (parseNumberSet(cpus) ?? []),
    memoryBytes: sizeInBytes(element, 'memory'),
    access: attribute(element, 'memAccess') as NumaCell['access'],
    discard: flag(element, 'discard'),
    caches: children(element, 'cache').map(readCache),
    distances: new Map(
      siblings.map((sibling) => [whole(sibling, 'id') ?? 0, whole(sibling, 'value') ?? 0]),
    ),
  }
}
