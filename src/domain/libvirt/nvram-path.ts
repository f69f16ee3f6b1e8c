import { attribute, child, text } from '../../qemu/domain-xml/access.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'

/** The path of the UEFI variable store in a domain XML; `undefined` when it has none. @throws DomainXmlError */
export function nvramPathIn(xml: string): string | undefined {
  const nvram = child(child(parseDomainXml(xml).root, 'os'), 'nvram')
  if (nvram === undefined) return undefined
  const source = child(nvram, 'source')
  const path = source === undefined ? text(nvram).trim() : attribute(source, 'file')
  return path === undefined || path === '' ? undefined : path
}

/** The domain XML with another path of its variable store; as it is when it has none. @throws DomainXmlError */
export function withNvramPath(xml: string, path: string | undefined): string {
  if (path === undefined || nvramPathIn(xml) === undefined) return xml
  const document = parseDomainXml(xml)
  const nvram = child(child(document.root, 'os'), 'nvram')
  const source = child(nvram, 'source')
  if (source !== undefined) source.setAttribute('file', path)
  else if (nvram !== undefined) nvram.textContent = path
  return formatDomainXml(document)
}
