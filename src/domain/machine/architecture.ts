import { attribute, child } from '../../qemu/domain-xml/access.ts'
import type { DomainDocument } from '../../qemu/domain-xml/document.ts'

/** The architecture of a domain's guest when Stasis does not support it, with a hint. */
export function foreignArchitecture(
  document: DomainDocument,
): { readonly text: string; readonly hint: string } | undefined {
  const arch = attribute(child(child(document.root, 'os'), 'type'), 'arch')
  if (arch === undefined || arch === 'x86_64' || arch === 'i686') return undefined
  return {
    text: `The guest has the architecture ${arch}; Stasis runs only x86_64 and i686 guests`,
    hint: `Restore it with libvirt on a host with QEMU for ${arch}`,
  }
}
