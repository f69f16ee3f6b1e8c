import { textOfRootChild } from '../../qemu/domain-xml/tags.ts'
import { type DomainXmlOptions, readDomainXml } from '../catalogue/domain-xml.ts'

/** Title and description of a domain; `undefined` where its XML has none. @throws DomainError DOMAIN_NOT_FOUND, StorageError */
export async function domainWords(
  reference: string,
  options: DomainXmlOptions,
): Promise<{ readonly title: string | undefined; readonly description: string | undefined }> {
  const xml = await readDomainXml(reference, options)
  const word = (name: string): string | undefined => textOfRootChild(xml, name) || undefined
  return { title: word('title'), description: word('description') }
}
