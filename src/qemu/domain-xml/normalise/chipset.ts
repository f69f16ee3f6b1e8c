import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child } from '../access.ts'
import { chipsetOf, SUPPORTED_MACHINES } from '../chipset.ts'
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
  const chipset = chipsetOf(machine)
  if (chipset !== undefined) return chipset === 'q35'
  throw unsupported(
    attributeNode(type, 'machine'),
    `the machine type "${machine}" is not supported`,
    SUPPORTED_MACHINES,
  )
}
