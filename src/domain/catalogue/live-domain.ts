import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { readLiveXml } from './domain-xml.ts'

/** The last one: a save asks for it three times, and each time takes some milliseconds before the guest is stopped. */
let last: { readonly xml: string; readonly domain: Domain } | undefined

/** The domain described by the XML that a running domain was started from. @throws StorageError, DomainXmlError */
export async function liveDomain(paths: RuntimePaths): Promise<Domain> {
  const xml = await readLiveXml(paths)
  if (last?.xml !== xml) {
    const { domain } = readDomain(parseDomainXml(xml), { tolerant: true })
    last = { xml, domain }
  }
  return last.domain
}
