import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, sizeInBytes, wholeText } from '../access.ts'
import { numberRanges, parseNumberSet } from '../values.ts'
import type { NormaliseOptions } from './options.ts'

const MIB = 1024 * 1024

/**
 * Rounds the memory of each NUMA cell up to whole MiB, as libvirt does on x86 whenever a machine starts, but not when its memory comes from elsewhere
 * (qemuDomainAlignMemorySizes, 9.0 and 11.3): the RAM blocks of an image have the sizes in its XML, and those of machines that an old libvirt started may have any.
 */
export function alignCells(root: Element, { fromImage }: NormaliseOptions): void {
  const numa = child(child(root, 'cpu'), 'numa')
  if (numa === undefined || fromImage === true) return
  for (const cell of children(numa, 'cell')) {
    const bytes = sizeInBytes(cell, 'memory')
    if (bytes % MIB === 0) continue
    cell.setAttribute('memory', String(Math.ceil(bytes / MIB) * (MIB / 1024)))
    cell.setAttribute('unit', 'KiB')
  }
}

/** Puts the processors that no NUMA cell names into cell 0, as libvirt does (qemuDomainDefNumaCPUsRectify, 11.3). A machine that exists keeps its cells. */
export function fillCells(root: Element, { existing }: NormaliseOptions): void {
  const numa = child(child(root, 'cpu'), 'numa')
  const vcpu = child(root, 'vcpu')
  if (numa === undefined || vcpu === undefined || existing === true) return
  const cells = children(numa, 'cell')
  const first = cells.find((cell) => attribute(cell, 'id') === '0') ?? cells[0]
  const named = new Set(cells.flatMap(processorsOf))
  const all = Array.from({ length: Math.min(wholeText(vcpu), MOST) }, (_, id) => id)
  const open = all.filter((id) => !named.has(id))
  if (first === undefined || open.length === 0) return
  const own = [...processorsOf(first), ...open].toSorted((a, b) => a - b)
  first.setAttribute('cpus', numberRanges(own).join(','))
}

/** More are refused when the domain is read. */
const MOST = 4096

function processorsOf(cell: Element): readonly number[] {
  return parseNumberSet(attribute(cell, 'cpus') ?? '') ?? []
}
