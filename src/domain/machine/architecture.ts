import { attribute, child } from '../../qemu/domain-xml/access.ts'
import { ARCHITECTURES, isSupported } from '../../qemu/domain-xml/architecture.ts'
import type { DomainDocument } from '../../qemu/domain-xml/document.ts'

/** The architecture of a domain's guest when Stasis does not support it, with a hint. */
export function foreignArchitecture(
  document: DomainDocument,
): { readonly text: string; readonly hint: string } | undefined {
  const arch = attribute(child(child(document.root, 'os'), 'type'), 'arch')
  if (arch === undefined || isSupported(arch)) return undefined
  return {
    text: `This is a guest for ${arch}; Stasis runs guests for ${ARCHITECTURES.join(', ')}`,
    hint: `Restore it with libvirt on a host with QEMU for ${arch}`,
  }
}
