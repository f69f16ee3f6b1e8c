import { type JournalContent, readJournal } from '../journal/read-journal.ts'
import { checkOptions } from '../store/check-options.ts'
import { type DirectoryOptions, openDirectories } from '../store/directories.ts'
import { journalDirectory } from '../store/runtime-paths.ts'

/** Which entries of the journal. */
export interface HistoryOptions extends DirectoryOptions {
  /** A name or UUID, also of a domain that no longer exists. */
  readonly domain?: string | undefined
  /** Only acts that ended then or later. */
  readonly since?: Date | undefined
  /** Only the last ones, this many. */
  readonly limit?: number | undefined
}

/**
 * The journal of saves, restores, starts and ends, the oldest first. Lines that cannot be read are reported and left out.
 * @throws StorageError
 * @example
 * const { entries } = await readHistory({ domain: 'web', limit: 10 })
 * for (const { time, act, outcome, durationMs } of entries) console.log(time, act, outcome, durationMs)
 */
export async function readHistory(options: HistoryOptions = {}): Promise<JournalContent> {
  checkOptions(options)
  const { domain, since, limit = Infinity } = options
  const { entries, unreadable } = await readJournal(
    journalDirectory(await openDirectories(options)),
  )
  const wanted = entries.filter(
    (entry) =>
      (domain === undefined || entry.domain === domain || entry.uuid === domain) &&
      (since === undefined || Date.parse(entry.time) >= since.getTime()),
  )
  return { entries: wanted.slice(Math.max(0, wanted.length - limit)), unreadable }
}
