import * as fc from 'fast-check'
import { type JournalEntry, entryLine, parseEntry } from '../../../src/domain/journal/entry.ts'
import { historyText } from '../../../src/cli/reports/history.ts'
import { Broken, type FuzzParser } from '../parser.ts'

const ENTRY: JournalEntry = {
  ...{ act: 'managedsave', during: 'host-save', time: '2026-11-28T22:00:00.000Z' },
  ...{ durationMs: 120, outcome: 'failed', code: 'NO_SPACE', error: 'no space', domain: 'web' },
  ...{ uuid: '8f4c1e9a-0f1b-4c2d-9e3f-001122334455', image: '/i', format: 'stasis', mode: 'boot' },
  ...{ fileBytes: 4096, memoryBytes: 8192, downtimeMs: 3, domains: { done: 1, failed: 2 } },
  by: { pid: 7, uid: 0, sudoUser: 'anna' },
}

/** A line of the journal. */
export const journalParser: FuzzParser = {
  name: 'journal',
  seeds: () => [Buffer.from(entryLine(ENTRY))],
  shapes: () =>
    fc
      .record({ act: fc.constantFrom('save', 'start'), time: fc.string(), by: fc.anything() })
      .map((fields) => Buffer.from(JSON.stringify({ version: 1, ...ENTRY, ...fields }))),
  words: ['"version":2', '"act":"start"', 'null', '1e999', '-1', '{}', '[]', '"by":{}'],
  run: (input) => {
    const entry = parseEntry(Buffer.from(input).toString('utf8'))
    if (entry === undefined) return
    if (parseEntry(entryLine(entry)) === undefined) throw new Broken('it cannot be read again')
    historyText([entry], { quiet: false })
  },
}
