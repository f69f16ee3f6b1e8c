import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, children, whole, wholeText } from '../../access.ts'
import { invalid, unsupported } from '../../location.ts'

/** The number of processors at start, and the maximum. */
export interface Vcpus {
  readonly current: number
  readonly max: number
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
  const list = child(domain, 'vcpus')
  for (const vcpu of list === undefined ? [] : children(list, 'vcpu')) {
    if (attribute(vcpu, 'enabled') === 'yes' && attribute(vcpu, 'hotpluggable') === 'yes') {
      throw unsupported(vcpu, 'processor hotplug is not supported')
    }
  }
  return { current, max }
}
