import { type RecordKind, fieldsOf } from '../../io/records/record-file.ts'
import type { JournalEntry } from '../journal/entry.ts'

/** The counters, from the first act on. */
export interface Counters {
  /** How many acts ended, by act and outcome: `save completed`. */
  readonly ended: Readonly<Record<string, number>>
  /** The last act that was completed, by act. */
  readonly last: Readonly<Record<string, LastAct>>
}

/** Numbers of an act that was completed. */
export interface LastAct {
  /** Seconds since 1970. */
  readonly timeSeconds: number
  readonly durationSeconds: number
  readonly downtimeSeconds?: number | undefined
  readonly imageBytes?: number | undefined
  readonly memoryBytes?: number | undefined
}

export const NO_COUNTERS: Counters = { ended: {}, last: {} }

/** The counters after one more act. */
export function counted({ ended, last }: Counters, entry: JournalEntry): Counters {
  const { act, outcome, durationMs, downtimeMs, fileBytes, memoryBytes } = entry
  const key = `${act} ${outcome}`
  const after = { ended: { ...ended, [key]: (ended[key] ?? 0) + 1 }, last }
  if (outcome !== 'completed') return after
  const facts = {
    timeSeconds: Date.parse(entry.time) / 1000,
    durationSeconds: durationMs / 1000,
    ...(downtimeMs !== undefined && { downtimeSeconds: downtimeMs / 1000 }),
    ...(fileBytes !== undefined && { imageBytes: fileBytes }),
    ...(memoryBytes !== undefined && { memoryBytes }),
  }
  return { ...after, last: { ...last, [act]: facts } }
}

/** The file of the counters. They count from anew if it is lost, as Prometheus expects of counters. */
export const COUNTERS: RecordKind<Counters> = {
  what: 'the counters for metrics',
  version: 1,
  parse(value) {
    const fields = fieldsOf(value)
    const ended = fieldsOf(fields?.['ended'])
    const last = fieldsOf(fields?.['last'])
    const fits =
      ended !== undefined &&
      last !== undefined &&
      Object.keys(ended).every((key) => KEY.test(key)) &&
      Object.values(ended).every(isNumber) &&
      Object.keys(last).every((act) => /^[a-z-]{1,40}$/.test(act)) &&
      Object.values(last).every((one) => Object.values(fieldsOf(one) ?? { one }).every(isNumber))
    return fits ? (fields as unknown as Counters) : undefined
  },
}

const KEY = /^[a-z-]{1,40} [a-z]{1,20}$/

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value)
}
