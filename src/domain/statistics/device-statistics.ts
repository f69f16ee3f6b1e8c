import { DomainError } from '../../errors.ts'
import { type DeviceTraffic, trafficOf } from '../../qemu/process/tap-devices.ts'
import { readLiveXml } from '../catalogue/domain-xml.ts'
import { findRunning } from '../catalogue/running-entry.ts'
import { openQuery } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { type BlockCounters, liveDisks } from './block-devices.ts'
import { diskNamed } from './block-info.ts'
import { namedCards, namedDisks } from './named-devices.ts'

/**
 * The reads and writes of a running domain, given by name, UUID or id, on one of its disks, or on all of them together, since its QEMU started.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY, DOMAIN_WRONG_STATE if it has no such disk; StorageError
 * @example
 * const { rd_bytes, wr_bytes } = await blockStatistics('web', 'vda')
 */
export async function blockStatistics(
  reference: string,
  device?: string,
  options: DomainOptions = {},
): Promise<BlockCounters> {
  checkOptions(options)
  const { signal } = options
  const { paths } = await findRunning(await openDirectories(options), reference)
  const disks = namedDisks(await readLiveXml(paths))
  const wanted = device === undefined ? disks : [diskNamed(disks, device)]
  await using monitor = await openQuery(paths, signal)
  const found = (await liveDisks(monitor, wanted, signal)).map(({ counters }) => counters)
  return found.reduce<BlockCounters>(
    (sum, one) => (one === undefined ? sum : added(sum, one)),
    NONE,
  )
}

/**
 * The traffic of a network card of a running domain, seen from the guest. The domain is given by name, UUID or id, the card by its device on the host or by its MAC address.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE if it has no such card; StorageError
 * @example
 * const { rxBytes, txBytes } = await interfaceStatistics('web', '52:54:00:12:34:56')
 */
export async function interfaceStatistics(
  reference: string,
  card: string,
  options: DomainOptions = {},
): Promise<DeviceTraffic & { readonly device: string }> {
  checkOptions(options)
  const { name, paths, record } = await findRunning(await openDirectories(options), reference)
  const cards = await namedCards(await readLiveXml(paths), record.pid)
  const found = cards.find(({ device, mac }) => device === card || mac === card.toLowerCase())
  if (found === undefined)
    throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' has no network card '${card}'`, {
      hint: `\`stasis domiflist ${name}\` lists them`,
    })
  const { device } = found
  const traffic = device === undefined ? undefined : await trafficOf(device)
  if (device === undefined || traffic === undefined)
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `The network card '${card}' of domain '${name}' has no device on this host, so nothing is counted`,
    )
  return { device, ...traffic }
}

const NONE: BlockCounters = {
  rd_operations: 0,
  rd_bytes: 0,
  rd_total_time_ns: 0,
  wr_operations: 0,
  wr_bytes: 0,
  wr_total_time_ns: 0,
  flush_operations: 0,
  flush_total_time_ns: 0,
  wr_highest_offset: 0,
}

function added(one: BlockCounters, other: BlockCounters): BlockCounters {
  const names = Object.keys(NONE) as (keyof BlockCounters)[]
  return Object.fromEntries(
    names.map((name) => [name, one[name] + (other[name] ?? 0)]),
  ) as unknown as BlockCounters
}
