import type { JournalEntry } from '../../domain/journal/entry.ts'
import { formatLocalTime } from '../terminal/local-time.ts'
import { formatBytes, formatDuration } from '../terminal/quantity.ts'
import { formatTable } from '../terminal/table.ts'

/** Entries of the journal as a table. The last column has the known facts of the result. */
export function historyText(
  entries: readonly JournalEntry[],
  options: { readonly quiet: boolean },
): string {
  if (entries.length === 0 && options.quiet) return ''
  const rows = entries.map((entry) => [
    formatLocalTime(entry.time, { seconds: true }),
    entry.during === undefined ? entry.act : `${entry.act} (${entry.during})`,
    entry.domain ?? '-',
    entry.code === undefined ? entry.outcome : `${entry.outcome} (${entry.code})`,
    formatDuration(entry.durationMs),
    entry.fileBytes === undefined ? '-' : formatBytes(entry.fileBytes),
    entry.by.sudoUser ?? String(entry.by.uid),
    detailsOf(entry),
  ])
  const heading = ['Time', 'Act', 'Domain', 'Outcome', 'Took', 'Size', 'By', 'Details']
  return formatTable(heading, rows, options)
}

function detailsOf({ format, mode, image, domains }: JournalEntry): string {
  const counts = domains === undefined ? undefined : `${domains.done} done, ${domains.failed} not`
  return [format, mode, image, counts].filter((part) => part !== undefined).join(' ')
}
