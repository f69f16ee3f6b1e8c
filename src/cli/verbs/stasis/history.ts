import { readHistory } from '../../../domain/status/history.ts'
import { integerBetween } from '../../options/option-values.ts'
import { pointInTime } from '../../options/point-in-time.ts'
import { historyText } from '../../reports/history.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly since?: Date
  readonly limit?: number
}

/** `history [DOMAIN]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('[domain]', 'name or UUID, also of a domain that no longer exists')
      .option(
        '--since <time>',
        'only acts that ended since then: 2026-11-28T22:00, or 90m, 6h, 2d or 1w ago',
        pointInTime,
      )
      .option('--limit <n>', 'only the last n', integerBetween(1, 1_000_000)),
  looks: true,
  example: 'stasis history web --since 7d',
  run: async ([domain], { since, limit }, { directories, json, quiet, output }) => {
    const { entries, unreadable } = await readHistory({ ...directories, domain, since, limit })
    for (const { path, line } of unreadable)
      output.warn(`${path}:${line} cannot be read as an entry of the journal`)
    if (json) for (const entry of entries) output.json({ type: 'entry', ...entry })
    return {
      text: historyText(entries, { quiet }),
      json: { type: 'result', entries: entries.length, unreadable },
    }
  },
}
