import { cutToWidth, displayWidth, padToWidth } from './display-width.ts'
import { type LinePart, fitParts } from './fit-parts.ts'
import { type AnyProgress, guestLine, measuredParts } from './progress-line.ts'

/** One guest of an act on all of a host. */
export interface HostGuest {
  readonly name: string
  readonly memoryBytes: number | undefined
  /** Absent before its turn, and when it is done. */
  readonly progress?: AnyProgress | undefined
  /** `left`: it could not be saved or resumed. */
  readonly end?: 'done' | 'left' | undefined
}

/** An act on all guests of a host. */
export interface HostAct {
  /** `saved` */
  readonly done: string
  readonly guests: readonly HostGuest[]
  readonly elapsedMs: number
}

/** The size of a screen in characters. */
export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

/** An act as lines for a terminal: one for each guest that is at work, and a total. */
export function hostLines(act: HostAct, { columns, rows }: ScreenSize): readonly string[] {
  const width = columns - 1
  const active = act.guests.filter(({ progress }) => progress !== undefined)
  const shown = active.slice(0, Math.max(1, rows - 3))
  const longest = Math.max(5, ...shown.map(({ name }) => displayWidth(name)))
  const nameWidth = Math.min(longest, Math.max(5, Math.floor(width / 3)))
  const named = (name: string, text: (rest: number) => string): string =>
    cutToWidth(
      `${padToWidth(cutToWidth(name, nameWidth), nameWidth)}  ${text(width - nameWidth - 2)}`,
      width,
    )
  const lines = shown.flatMap(({ name, progress }) =>
    progress === undefined ? [] : [named(name, (rest) => guestLine(progress, rest))],
  )
  const hidden = active.length - shown.length
  const more = hidden > 0 ? [cutToWidth(`and ${hidden} more`, width)] : []
  return [...lines, ...more, named('Total', (rest) => fitParts(totalParts(act), rest))]
}

/** An act as one line, for output that is not a terminal. */
export function hostLine(act: HostAct): string {
  const active = act.guests.flatMap(({ name, progress }) =>
    progress === undefined
      ? []
      : [`${name} ${'percent' in progress ? `${Math.floor(progress.percent)} %` : progress.phase}`],
  )
  const names = active.length === 0 ? '' : `(${active.join(', ')})`
  return fitParts([...totalParts(act), { text: names, rank: 0 }], Infinity)
}

function totalParts({ guests, done, elapsedMs }: HostAct): readonly LinePart[] {
  const counted = guests.filter(({ end }) => end !== 'left')
  const ended = guests.filter(({ end }) => end === 'done').length
  const ramTotalBytes = sum(counted, ({ memoryBytes = 0 }) => memoryBytes)
  const ramBytes = sum(counted, (guest) => shareDone(guest) * (guest.memoryBytes ?? 0))
  const rateBytesPerSecond = sum(guests, ({ progress }) =>
    progress !== undefined && 'percent' in progress ? progress.rateBytesPerSecond : 0,
  )
  const isKnown = counted.every(({ memoryBytes }) => memoryBytes !== undefined)
  const percent = ramTotalBytes === 0 ? 0 : (ramBytes / ramTotalBytes) * 100
  // At the present pace of the guests at work, or else at the average pace so far.
  const pace = sum(guests, paceOf) || (elapsedMs > 0 ? ramBytes / elapsedMs : 0)
  const etaMs = isKnown && pace > 0 ? (ramTotalBytes - ramBytes) / pace : undefined
  const measure = { percent, ramBytes, ramTotalBytes, rateBytesPerSecond, channelBytes: [], etaMs }
  return [
    ...(isKnown ? measuredParts(measure) : []),
    { text: `${ended} of ${guests.length} ${done}`, rank: 1 },
  ]
}

/** Bytes of a guest's memory per millisecond. */
function paceOf({ progress }: HostGuest): number {
  if (progress === undefined || !('percent' in progress)) return 0
  const { ramBytes, ramTotalBytes, etaMs = 0 } = progress
  return etaMs > 0 ? (ramTotalBytes - ramBytes) / etaMs : 0
}

/** The part of a guest's memory that was transferred, 0 to 1. */
function shareDone({ progress, end }: HostGuest): number {
  if (end === 'done') return 1
  if (progress === undefined) return 0
  if ('percent' in progress) return progress.percent / 100
  return LAST_PHASES.has(progress.phase) ? 1 : 0
}

const LAST_PHASES: ReadonlySet<AnyProgress['phase']> = new Set(['flushing', 'ending', 'resuming'])

function sum<T>(all: readonly T[], value: (one: T) => number): number {
  return all.reduce((total, one) => total + value(one), 0)
}
