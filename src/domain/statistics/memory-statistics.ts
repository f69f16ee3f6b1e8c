import { readLiveXml } from '../catalogue/domain-xml.ts'
import { findRunning } from '../catalogue/running-entry.ts'
import { openQuery } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { balloonStatistics } from './balloon-statistics.ts'

/**
 * The memory of a running domain, given by name, UUID or id, under virsh's names (`dommemstat`): `actual`, `last_update`, `rss`, and the report of a balloon driver in the guest. Memory is in KiB.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; QemuError, StorageError
 * @example
 * const { actual, rss } = await memoryStatistics('web')
 */
export async function memoryStatistics(
  reference: string,
  options: DomainOptions = {},
): Promise<Readonly<Record<string, number>>> {
  checkOptions(options)
  const { signal } = options
  const entry = await findRunning(await openDirectories(options), reference)
  const xml = await readLiveXml(entry.paths)
  await using monitor = await openQuery(entry.paths, signal)
  return await balloonStatistics(monitor, entry, { xml, signal })
}
