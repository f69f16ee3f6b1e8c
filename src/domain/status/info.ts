import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { processorTimeMs } from '../../qemu/host-facts.ts'
import { isAutostarted } from '../catalogue/autostart.ts'
import { findEntry, lastEndOf } from '../catalogue/catalogue.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { entryXml } from '../catalogue/domain-xml.ts'
import { postcopyState } from '../store/postcopy-state.ts'
import { hostOf } from '../ownership/elsewhere.ts'
import type { LastEnd } from '../store/last-end.ts'
import { type DomainSummary, stateOf } from './list.ts'
import {
  hasSafetyCopy,
  hasUsableManagedSave,
  ifSavesAreThere,
} from '../store/saves/managed-image.ts'

/** Facts about one domain. */
export interface DomainInfo extends DomainSummary {
  /** The image of its safety copy (`managedsave --live`), if it has one. */
  readonly safetyCopy: string | undefined
  /** How it last ended, if it is not running and this is known. */
  readonly lastEnd: LastEnd | undefined
  readonly osType: 'hvm'
  readonly vcpus: number
  readonly maxMemoryBytes: number
  readonly usedMemoryBytes: number
  /** Processor time that its QEMU has used so far. */
  readonly cpuTimeMs: number | undefined
}

/**
 * Facts about a domain, given by name, UUID or id.
 * @throws DomainError DOMAIN_NOT_FOUND, DomainXmlError, StorageError
 * @example
 * const { state, vcpus, maxMemoryBytes, postcopy } = await domainInfo('web')
 * if (postcopy !== undefined) console.log(`${postcopy.remainingBytes} bytes of memory are still in ${postcopy.image}`)
 */
export async function domainInfo(
  reference: string,
  options: DomainOptions = {},
): Promise<DomainInfo> {
  const directories = await openDirectories(options)
  const entry = await findEntry(directories, reference)
  const document = parseDomainXml(await entryXml(directories, entry))
  const { domain } = readDomain(document, { tolerant: true })
  const { name, record, persistent, elsewhere } = entry
  const postcopy = record === undefined ? undefined : await postcopyState(entry.paths)
  return {
    name,
    uuid: record?.uuid ?? domain.uuid ?? '',
    id: record?.pid,
    state: await stateOf(entry, postcopy, options.signal),
    persistent,
    managedSave: await ifSavesAreThere(() => hasUsableManagedSave(entry)),
    safetyCopy:
      (await ifSavesAreThere(() => hasSafetyCopy(entry.paths))) === true
        ? entry.paths.safetyCopy
        : undefined,
    autostart: await isAutostarted(directories, name),
    ...(elsewhere !== undefined && hostOf(elsewhere)),
    lastEnd: await lastEndOf(entry),
    osType: 'hvm',
    vcpus: domain.vcpus.current,
    maxMemoryBytes: domain.memoryBytes,
    usedMemoryBytes: domain.memoryBytes,
    cpuTimeMs: record === undefined ? undefined : await processorTimeMs(record.pid),
    postcopy,
  }
}
