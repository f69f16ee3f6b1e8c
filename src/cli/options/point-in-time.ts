import { InvalidArgumentError } from 'commander'

const UNITS: Readonly<Record<string, number>> = {
  ...{ s: 1000, m: 60_000, h: 3_600_000 },
  ...{ d: 86_400_000, w: 604_800_000 },
}

/** A parser for a point in time: ISO 8601, local if it has no zone, or how long ago it was (`90m`, `2d`). */
export function pointInTime(text: string): Date {
  const [, count, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (count !== undefined) return new Date(Date.now() - Number(count) * (UNITS[unit] ?? 0))
  // A date alone would be in UTC.
  const isDate = /^\d{4}-\d\d-\d\d$/.test(text)
  const date = new Date(isDate ? `${text}T00:00` : text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(date.getTime())) return date
  throw new InvalidArgumentError(
    'It must be a time such as 2026-11-28T22:00, or 90m, 6h, 2d or 1w ago.',
  )
}
