import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, children, whole, wholeText } from '../access.ts'
import { invalid, unsupported } from '../location.ts'

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
    throw invalid(element, `${max} processors are not from 1 to 4096`)
  }
  const current = whole(element, 'current') ?? max
  if (element !== undefined && (current < 1 || current > max)) {
    throw invalid(attributeNode(element, 'current'), `${current} is not from 1 to ${max}`)
  }
  const list = child(domain, 'vcpus')
  for (const vcpu of list === undefined ? [] : children(list, 'vcpu')) {
    if (attribute(vcpu, 'enabled') === 'yes' && attribute(vcpu, 'hotpluggable') === 'yes') {
      throw unsupported(vcpu, 'processors are not plugged in while the guest runs')
    }
  }
  return { current, max }
}
