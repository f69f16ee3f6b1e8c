import { randomUUID } from 'node:crypto'
import { DomainError } from '../../errors.ts'
import { child } from '../../qemu/domain-xml/access.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import type { XmlText } from '../store/xml-text.ts'

/**
 * Replaces the generation id in a domain XML, which signals to the guest that other copies of it may run from this state. QEMU writes the id of its
 * device into the guest's memory after it has loaded the state (hw/acpi/vmgenid.c, 7.2 to 11).
 * @throws DomainError DOMAIN_WRONG_STATE when the machine has no such device, DomainXmlError
 */
export function withNewGenid(source: XmlText): XmlText {
  const document = parseDomainXml(source.text, { path: source.path })
  const element = child(document.root, 'genid')
  if (element === undefined) {
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      'The machine has no generation id that could change',
      {
        path: source.path,
        hint: 'Only a domain that was started with <genid/> in its XML has a generation id',
      },
    )
  }
  element.textContent = randomUUID()
  return { ...source, text: formatDomainXml(document) }
}
