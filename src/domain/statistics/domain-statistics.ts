import { type StasisError, throwIfCancelled } from '../../errors.ts'
import { processorTimes } from '../../qemu/process/processor-times.ts'
import { trafficOf } from '../../qemu/process/tap-devices.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { type DomainEntry, findEntry, listEntries } from '../catalogue/catalogue.ts'
import { entryXml } from '../catalogue/domain-xml.ts'
import type { RunningEntry } from '../catalogue/running-entry.ts'
import { openQuery } from '../machine/monitor.ts'
import { stateReasonOf } from '../status/state-reason.ts'
import { diskSizes } from '../../io/files/disk-sizes.ts'
import { checkOptions, checkReferences } from '../store/check-options.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { balloonStatistics } from './balloon-statistics.ts'
import { liveDisks } from './block-devices.ts'
import { type Fields, knownFields, prefixed } from './fields.ts'
import { namedCards, namedDisks } from './named-devices.ts'
import { countIn, liveProcessors } from './processor-statistics.ts'
import { stateFields } from './state-fields.ts'

/** A group of statistics: `domstats --state` and so on. */
export type StatisticsGroup = 'state' | 'cpu-total' | 'balloon' | 'vcpu' | 'interface' | 'block'

/** All of them, in virsh's order. */
export const STATISTICS_GROUPS: readonly StatisticsGroup[] = [
  'state',
  'cpu-total',
  'balloon',
  'vcpu',
  'interface',
  'block',
]

/** Which statistics to collect. */
export interface StatisticsOptions extends DomainOptions {
  /** Default: all. */
  readonly groups?: readonly StatisticsGroup[] | undefined
}

/** The statistics of a domain under libvirt's names (`virConnectGetAllDomainStats`): times in nanoseconds, memory in KiB, disks in bytes. Unknown fields are absent. */
export interface DomainStatistics {
  readonly name: string
  readonly fields: Fields
  /** Why there are none. */
  readonly fault?: StasisError
}

/**
 * The statistics of domains, given by name, UUID or id; without any, of all domains. A domain that does not run has those of its definition.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY; QemuError, DomainXmlError, StorageError
 * @example
 * for (const { name, fields } of await domainStatistics(['web'])) console.log(name, fields['cpu.time'])
 */
export async function domainStatistics(
  references: readonly string[] = [],
  options: StatisticsOptions = {},
): Promise<readonly DomainStatistics[]> {
  checkOptions(options)
  checkReferences(references)
  const directories = await openDirectories(options)
  const entries =
    references.length === 0
      ? await listEntries(directories)
      : await Promise.all(references.map((one) => findEntry(directories, one)))
  const found: DomainStatistics[] = []
  for (const entry of entries) {
    throwIfCancelled('collect statistics', options.signal)
    const { name, fault } = entry
    if (fault === undefined)
      found.push({ name, fields: await statisticsOf(directories, entry, options) })
    else found.push({ name, fields: {}, fault })
  }
  return found
}

async function statisticsOf(
  directories: Directories,
  entry: DomainEntry,
  options: StatisticsOptions,
): Promise<Fields> {
  const { groups = STATISTICS_GROUPS, signal } = options
  const source = { xml: await entryXml(directories, entry), signal }
  const { record } = entry
  const all: Fields[] = []
  if (groups.includes('state')) all.push(stateFields(await stateReasonOf(entry, signal)))
  if (record === undefined) {
    for (const group of groups) all.push(await OFF[group](source))
    return Object.assign({}, ...all) as Fields
  }
  await using monitor = await openQuery(entry.paths, signal)
  for (const group of groups)
    all.push(await LIVE[group]({ ...source, monitor, entry: { ...entry, record } }))
  return Object.assign({}, ...all) as Fields
}

interface Source {
  readonly xml: string
  readonly signal: AbortSignal | undefined
}

interface LiveSource extends Source {
  readonly monitor: QmpConnection
  readonly entry: RunningEntry
}

const nothing = (): Promise<Fields> => Promise.resolve({})

const OFF: Readonly<Record<StatisticsGroup, (source: Source) => Promise<Fields>>> = {
  state: nothing,
  'cpu-total': nothing,
  balloon: ({ xml }) => Promise.resolve(maximumMemory(xml)),
  vcpu: ({ xml }) => Promise.resolve(countFields(xml)),
  interface: nothing,
  block: ({ xml }) => diskFields(xml),
}

const LIVE: Readonly<Record<StatisticsGroup, (source: LiveSource) => Promise<Fields>>> = {
  state: nothing,
  'cpu-total': async ({ entry }) => {
    const times = await processorTimes(entry.record.pid)
    if (times === undefined) return {}
    const { userNs, systemNs } = times
    return { 'cpu.time': userNs + systemNs, 'cpu.user': userNs, 'cpu.system': systemNs }
  },
  balloon: async ({ xml, monitor, entry, signal }) => {
    const { actual, last_update, ...rest } = await balloonStatistics(monitor, entry, {
      xml,
      signal,
    })
    const whole = maximumMemory(xml)
    return knownFields({
      'balloon.current': actual ?? whole['balloon.current'],
      'balloon.maximum': whole['balloon.maximum'],
      'balloon.last-update': last_update,
      ...prefixed('balloon', rest),
    })
  },
  vcpu: async ({ xml, monitor, entry, signal }) => {
    const fields: Record<string, number | string | undefined> = { ...countFields(xml) }
    for (const { number, timeNs, delayNs } of await liveProcessors(monitor, entry, signal)) {
      fields[`vcpu.${number}.state`] = 1
      fields[`vcpu.${number}.time`] = timeNs
      fields[`vcpu.${number}.delay`] = delayNs
    }
    return knownFields(fields)
  },
  interface: async ({ xml, entry }) => {
    const cards = await namedCards(xml, entry.record.pid)
    const all = await Promise.all(cards.map(async ({ device }, at) => cardFields(at, device)))
    return Object.assign({ 'net.count': cards.length }, ...all) as Fields
  },
  block: async ({ xml, monitor, signal }) => {
    const disks = namedDisks(xml)
    const live = await liveDisks(monitor, disks, signal)
    const all = disks.map(({ target, source }, at) => {
      const { counters, medium } = live[at] ?? {}
      return prefixed(
        `block.${at}`,
        knownFields({
          name: target,
          path: source,
          'rd.reqs': counters?.rd_operations,
          'rd.bytes': counters?.rd_bytes,
          'rd.times': counters?.rd_total_time_ns,
          'wr.reqs': counters?.wr_operations,
          'wr.bytes': counters?.wr_bytes,
          'wr.times': counters?.wr_total_time_ns,
          'fl.reqs': counters?.flush_operations,
          'fl.times': counters?.flush_total_time_ns,
          allocation: counters?.wr_highest_offset,
          capacity: medium?.capacityBytes,
          physical: medium?.actualBytes,
        }),
      )
    })
    return Object.assign({ 'block.count': disks.length }, ...all) as Fields
  },
}

function countFields(xml: string): Fields {
  const { current, maximum } = countIn(xml)
  return { 'vcpu.current': current, 'vcpu.maximum': maximum }
}

function maximumMemory(xml: string): Fields {
  const { memoryBytes } = readDomain(parseDomainXml(xml), { tolerant: true }).domain
  return { 'balloon.current': memoryBytes / 1024, 'balloon.maximum': memoryBytes / 1024 }
}

async function cardFields(at: number, device: string | undefined): Promise<Fields> {
  const traffic = device === undefined ? undefined : await trafficOf(device)
  if (device === undefined || traffic === undefined) return {}
  return prefixed(`net.${at}`, {
    name: device,
    'rx.bytes': traffic.rxBytes,
    'rx.pkts': traffic.rxPackets,
    'rx.errs': traffic.rxErrors,
    'rx.drop': traffic.rxDropped,
    'tx.bytes': traffic.txBytes,
    'tx.pkts': traffic.txPackets,
    'tx.errs': traffic.txErrors,
    'tx.drop': traffic.txDropped,
  })
}

async function diskFields(xml: string): Promise<Fields> {
  const disks = namedDisks(xml)
  const all = await Promise.all(
    disks.map(async ({ target, source, isFile }, at) => {
      const sizes = isFile && source !== undefined ? await diskSizes(source) : undefined
      return prefixed(
        `block.${at}`,
        knownFields({
          name: target,
          path: source,
          allocation: sizes?.allocationBytes,
          capacity: sizes?.capacityBytes,
          physical: sizes?.physicalBytes,
        }),
      )
    }),
  )
  return Object.assign({ 'block.count': disks.length }, ...all) as Fields
}
