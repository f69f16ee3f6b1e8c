import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { dropLiveParts } from '../../qemu/domain-xml/live/live-parts.ts'
import { normaliseDomain } from '../../qemu/domain-xml/normalise.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { XmlText } from '../store/xml-text.ts'
import { checkSameMachine } from './compatibility.ts'

const EXISTING = { existing: true } as const

/**
 * Returns the given XML after checking that it shows the guest the same machine as the original. The parts of a running domain are left out (see `dropLiveParts`).
 * @throws ImageError IMAGE_INCOMPATIBLE, DomainXmlError
 */
export function replaceXml(original: string, replacement: XmlText, runtimeDir?: string): string {
  const given = parseDomainXml(replacement.text, { path: replacement.path })
  dropLiveParts(given.root, runtimeDir)
  const document = normaliseDomain(given, EXISTING)
  const { domain } = readDomain(document, { tolerant: true })
  // libvirt omits from the XML in an image the devices that every such machine has.
  const complete = normaliseDomain(parseDomainXml(original), EXISTING)
  const { domain: saved } = readDomain(complete, { tolerant: true })
  checkSameMachine(saved, domain)
  return formatDomainXml(document)
}
