import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child } from '../access.ts'
import { invalid, unsupported } from '../location.ts'

/**
 * Whether the machine is a q35; otherwise it is a pc.
 *
 * @throws DomainXmlError `XML_UNSUPPORTED` for any other machine
 */
export function isQ35(root: Element): boolean {
  const type = child(child(root, 'os'), 'type')
  if (type === undefined) throw invalid(root, 'the element <os> is missing')
  const machine = attribute(type, 'machine') ?? 'pc'
  if (machine === 'q35' || machine.startsWith('pc-q35-')) return true
  if (machine === 'pc' || /^pc-(i440fx-|\d)/.test(machine)) return false
  throw unsupported(
    attributeNode(type, 'machine'),
    `the machine type "${machine}" is not supported`,
    'Supported are q35 and pc, in all their versions',
  )
}
