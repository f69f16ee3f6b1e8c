import { cutToWidth, displayWidth } from './display-width.ts'

/** A part of a line. The parts with the greatest rank go first when the line is too long; parts of rank 0 stay. */
export interface LinePart {
  readonly text: string
  readonly rank: number
}

const GAP = '  '

/** Joins parts into a line of at most `width` columns. Leaves out whole parts as long as it can; then cuts. */
export function fitParts(parts: readonly LinePart[], width: number): string {
  const present = parts.filter(({ text }) => text !== '')
  const line = present.map(({ text }) => text).join(GAP)
  const rank = Math.max(0, ...present.map((part) => part.rank))
  if (displayWidth(line) <= width || rank === 0) return cutToWidth(line, Math.max(0, width))
  return fitParts(
    present.filter((part) => part.rank < rank),
    width,
  )
}
