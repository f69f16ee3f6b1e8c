import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { readLiveXml } from './domain-xml.ts'

/** The domain described by the XML that a running domain was started from. @throws StorageError, DomainXmlError */
export async function liveDomain(paths: RuntimePaths): Promise<Domain> {
  const document = parseDomainXml(await readLiveXml(paths))
  return readDomain(document, { tolerant: true }).domain
}
