import type { Element } from '@xmldom/xmldom'
import { type Architecture, isSupported } from '../architecture.ts'
import { attribute, attributeNode, child } from '../access.ts'
import { type Chipset, chipsetOf, isOf, supportedMachines, usualMachine } from '../chipset.ts'
import { invalid, unsupported } from '../location.ts'

/** The architecture of the guest. */
export function architectureOf(root: Element): Architecture {
  const arch = attribute(child(child(root, 'os'), 'type'), 'arch')
  return arch !== undefined && isSupported(arch) ? arch : 'x86_64'
}

/**
 * The family of the machine.
 *
 * @throws DomainXmlError `XML_UNSUPPORTED` for a machine of another family, or of another architecture
 */
export function chipsetIn(root: Element): Chipset {
  const type = child(child(root, 'os'), 'type')
  if (type === undefined) throw invalid(root, 'the element <os> is missing')
  const architecture = architectureOf(root)
  const machine = attribute(type, 'machine') ?? usualMachine(architecture)
  const chipset = chipsetOf(machine)
  if (chipset !== undefined && isOf(chipset, architecture)) return chipset
  throw unsupported(
    attributeNode(type, 'machine'),
    `the machine type "${machine}" is not supported for ${architecture}`,
    supportedMachines(architecture),
  )
}

/** Whether the root bus of the machine is PCI Express. */
export function hasExpress(chipset: Chipset): boolean {
  return chipset !== 'i440fx'
}
