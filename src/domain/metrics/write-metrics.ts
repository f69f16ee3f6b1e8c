import { join } from 'node:path'
import { makeDirectory } from '../../io/files/directory.ts'
import { publishText } from '../../io/records/publish-text.ts'
import { readCacheFile, writeRecordFile } from '../../io/records/record-file.ts'
import { withLockFile } from '../../io/files/locks/wait-for-lock.ts'
import { type DomainEntry, listEntries } from '../catalogue/catalogue.ts'
import type { JournalEntry } from '../journal/entry.ts'
import type { Directories } from '../store/directories.ts'
import { hasUsableManagedSave, ifSavesAreThere } from '../store/saves/managed-image.ts'
import { COUNTERS, NO_COUNTERS, counted } from './counters.ts'
import { type DomainCounts, exposition } from './exposition.ts'
import { placeOfHost } from '../store/host-directory.ts'

/** Counts an act, and writes the file for Prometheus' node exporter. Processes take turns. @throws StorageError */
export async function writeMetrics(
  path: string,
  entry: JournalEntry,
  directories: Directories,
): Promise<void> {
  const directory = placeOfHost(directories.stateDir, 'metrics')
  await makeDirectory(directory)
  await withLockFile(join(directory, 'lock'), async () => {
    const file = join(directory, 'counters.json')
    const before = (await readCacheFile(COUNTERS, file)) ?? NO_COUNTERS
    const counters = counted(before, entry)
    await writeRecordFile(COUNTERS, file, counters, { durable: false })
    await publishText(path, exposition(counters, await countDomains(directories)))
  })
}

async function countDomains(directories: Directories): Promise<DomainCounts> {
  const counts = { running: 0, saved: 0, 'shut off': 0, unknown: 0 }
  for (const entry of await listEntries(directories)) {
    if (entry.fault !== undefined) counts.unknown += 1
    else if (entry.record !== undefined) counts.running += 1
    // That host counts it.
    else if (entry.elsewhere !== undefined) continue
    else counts[await restOf(entry)] += 1
  }
  return counts
}

/** What a domain that is off is counted as. */
async function restOf(entry: DomainEntry): Promise<'saved' | 'shut off' | 'unknown'> {
  const isSaved = await ifSavesAreThere(() => hasUsableManagedSave(entry))
  if (isSaved === undefined) return 'unknown'
  return isSaved ? 'saved' : 'shut off'
}
