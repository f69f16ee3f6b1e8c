import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, children, whole, wholeText } from '../../access.ts'
import { invalid } from '../../location.ts'

/** The number of processors at start, and the maximum. */
export interface Vcpus {
  readonly current: number
  readonly max: number
  /** Those of the present ones that were plugged in after the start, by their numbers, in the order of their arrival. */
  readonly plugged: readonly number[]
}

/** Reads `<vcpu>` and `<vcpus>`. */
export function readVcpus(domain: Element): Vcpus {
  const element = child(domain, 'vcpu')
  const max = element === undefined ? 1 : wholeText(element)
  if (element !== undefined && (max < 1 || max > 4096)) {
    throw invalid(element, `the number of processors must be between 1 and 4096, got ${max}`)
  }
  const current = whole(element, 'current') ?? max
  if (element !== undefined && (current < 1 || current > max)) {
    throw invalid(
      attributeNode(element, 'current'),
      `it must be between 1 and ${max}, got ${current}`,
    )
  }
  return { current, max, plugged: readPlugged(child(domain, 'vcpus'), current) }
}

function readPlugged(list: Element | undefined, current: number): readonly number[] {
  if (list === undefined) return []
  const present = children(list, 'vcpu').filter((one) => attribute(one, 'enabled') === 'yes')
  if (present.length !== current)
    throw invalid(list, `it has ${present.length} enabled processors, but <vcpu> has ${current}`)
  const plugged = present.filter((one) => attribute(one, 'hotpluggable') === 'yes')
  const first = current - plugged.length
  const late = present.find((one) => !plugged.includes(one) && (whole(one, 'id') ?? 0) >= first)
  if (late !== undefined || first === 0)
    throw invalid(late ?? list, 'the first processors must be those that are not hotpluggable')
  return plugged
    .toSorted((a, b) => (whole(a, 'order') ?? 0) - (whole(b, 'order') ?? 0))
    .map((one) => whole(one, 'id') ?? 0)
}
