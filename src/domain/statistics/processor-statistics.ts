import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { allowedProcessors, processorTimes } from '../../qemu/process/processor-times.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { findEntry } from '../catalogue/catalogue.ts'
import { entryXml } from '../catalogue/domain-xml.ts'
import type { RunningEntry } from '../catalogue/running-entry.ts'
import { openQuery } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'

/** One processor of a guest. The values of its thread are `undefined` while the domain does not run. */
export interface ProcessorInfo {
  readonly number: number
  /** Processor time that it has used so far. */
  readonly timeNs: number | undefined
  /** How long it was ready to run and had no processor of the host. */
  readonly delayNs: number | undefined
  /** The processor of the host that it ran on last. */
  readonly hostProcessor: number | undefined
  /** The processors of the host that it may run on. */
  readonly affinity: readonly number[]
}

/** How many processors a domain has. */
export interface ProcessorCount {
  readonly maximum: number
  readonly current: number
}

/**
 * The processors of a domain, given by name, UUID or id.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY; QemuError, DomainXmlError, StorageError
 * @example
 * for (const { number, timeNs } of await processorInfo('web')) console.log(number, timeNs)
 */
export async function processorInfo(
  reference: string,
  options: DomainOptions = {},
): Promise<readonly ProcessorInfo[]> {
  checkOptions(options)
  const { signal } = options
  const directories = await openDirectories(options)
  const entry = await findEntry(directories, reference)
  const { record, paths } = entry
  if (record !== undefined) {
    await using monitor = await openQuery(paths, signal)
    return await liveProcessors(monitor, { ...entry, record }, signal)
  }
  const { current } = countIn(await entryXml(directories, entry))
  const affinity = await allowedProcessors(process.pid, process.pid)
  return Array.from({ length: current }, (_, number) => ({
    number,
    timeNs: undefined,
    delayNs: undefined,
    hostProcessor: undefined,
    affinity,
  }))
}

/**
 * How many processors a domain has: now if it runs, and by its definition if it has one.
 * @throws DomainError DOMAIN_NOT_FOUND; DomainXmlError, StorageError
 * @example
 * const { live, config } = await processorCount('web')
 */
export async function processorCount(
  reference: string,
  options: DomainOptions = {},
): Promise<{
  readonly live: ProcessorCount | undefined
  readonly config: ProcessorCount | undefined
}> {
  checkOptions(options)
  const directories = await openDirectories(options)
  const entry = await findEntry(directories, reference)
  const off = { ...entry, record: undefined }
  return {
    live: entry.record === undefined ? undefined : countIn(await entryXml(directories, entry)),
    config: entry.persistent ? countIn(await entryXml(directories, off)) : undefined,
  }
}

/** The processors of a running domain. */
export async function liveProcessors(
  monitor: QmpConnection,
  { record }: RunningEntry,
  signal: AbortSignal | undefined,
): Promise<readonly ProcessorInfo[]> {
  const found = await monitor.execute('query-cpus-fast', {}, { signal })
  return Promise.all(
    found.map(async ({ 'cpu-index': number, 'thread-id': thread }) => {
      const times = await processorTimes(record.pid, thread)
      return {
        number,
        timeNs: times === undefined ? undefined : times.userNs + times.systemNs,
        delayNs: times?.delayNs,
        hostProcessor: times?.processor,
        affinity: await allowedProcessors(record.pid, thread),
      }
    }),
  )
}

/** The number of processors in the XML of a domain. @throws DomainXmlError */
export function countIn(xml: string): ProcessorCount {
  const { vcpus } = readDomain(parseDomainXml(xml), { tolerant: true }).domain
  return { maximum: vcpus.max, current: vcpus.current }
}
