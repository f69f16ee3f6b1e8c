import { definedOnly, entryXml } from '../catalogue/domain-xml.ts'
import { type DomainEntry, findEntry } from '../catalogue/catalogue.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { dropChosenPorts } from '../../qemu/domain-xml/live/live-parts.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { hidePasswords } from '../../qemu/domain-xml/passwords.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { liveXml } from './live-xml.ts'

/** Selects an XML of a domain. */
export interface DumpXmlOptions extends DomainOptions {
  /** The XML of its definition, even while it runs from another. */
  readonly inactive?: boolean | undefined
  /** Show the passwords of displays. Default: they are replaced by `*****`, which `define` refuses. */
  readonly securityInfo?: boolean | undefined
  /** The XML for the same domain on another host: without the choices of its QEMU, and with passwords. */
  readonly migratable?: boolean | undefined
}

/**
 * The XML of a domain, given by name, UUID or id: the one that it runs from, or else that of its definition. The XML of a running domain also has the parts that libvirt shows: its id, the
 * names of its devices, terminals, sockets, and the ports of its displays. `define` leaves these out again.
 * @throws DomainError DOMAIN_NOT_FOUND, StorageError
 * @example
 * const xml = await dumpDomainXml('web', { inactive: true })
 */
export async function dumpDomainXml(
  reference: string,
  options: DumpXmlOptions = {},
): Promise<string> {
  checkOptions(options)
  const { inactive, securityInfo, migratable, signal } = options
  const directories = await openDirectories(options)
  const found = await findEntry(directories, reference)
  const entry: DomainEntry = inactive === true ? definedOnly(found) : found
  const written = await entryXml(directories, entry)
  if (migratable === true) return withoutPorts(written)
  const { record, paths } = entry
  const isLive = record !== undefined && inactive !== true
  const xml = isLive ? await liveXml(written, { record, paths, signal }) : written
  return securityInfo === true ? xml : hidePasswords(xml)
}

function withoutPorts(xml: string): string {
  const document = parseDomainXml(xml)
  dropChosenPorts(document.root)
  return formatDomainXml(document)
}
