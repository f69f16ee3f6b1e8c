import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, flag, sizeInBytes, whole } from '../access.ts'
import { invalid } from '../location.ts'
import { parseNumberSet } from '../values.ts'

/** A NUMA node of the guest. */
export interface NumaCell {
  readonly id: number
  readonly cpus: readonly number[]
  readonly memoryBytes: number
  readonly access: 'shared' | 'private' | undefined
  readonly discard: boolean | undefined
  /** Distances to other cells, by their id. */
  readonly distances: ReadonlyMap<number, number>
}

const MIB = 1024 * 1024

/** Reads `<cpu><numa>`, in the order of the cells' ids; each cell rounded up to whole MiB, as libvirt does on x86. */
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
    memoryBytes: Math.ceil(sizeInBytes(element, 'memory') / MIB) * MIB,
    access: attribute(element, 'memAccess') as NumaCell['access'],
    discard: flag(element, 'discard'),
    distances: new Map(
      siblings.map((sibling) => [whole(sibling, 'id') ?? 0, whole(sibling, 'value') ?? 0]),
    ),
  }
}
