import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, wholeText } from '../access.ts'
import { numberRanges, parseNumberSet } from '../values.ts'
import type { NormaliseOptions } from './options.ts'

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
