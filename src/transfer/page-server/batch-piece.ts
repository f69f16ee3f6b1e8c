import type { PageRange } from '../../image/saved-machine.ts'
import type { BatchPart } from './frame-batch.ts'
import type { SentPages } from './sent-pages.ts'

/** Consecutive records in a slot that are sent at once. */
export interface BatchPiece {
  /** Their page ranges, all of one block, in their order. */
  readonly runs: readonly PageRange[]
  /** How many records precede them. */
  readonly start: number
  readonly end: number
}

/**
 * The first unsent pages of a prepared part, extended by the following parts as far as their records are adjacent; at most `most`. `undefined` when
 * all of the part was sent.
 */
export function batchPiece(
  sent: SentPages,
  parts: readonly BatchPart[],
  position: number,
  most: number,
): BatchPiece | undefined {
  const part = parts[position]
  const first = part === undefined ? undefined : sent.firstUnsent(part, most)
  if (part?.at === undefined || first === undefined) return undefined
  const start = part.at + first.firstPage - part.firstPage
  const runs = [first]
  let end = start + first.pageCount
  for (let next = position + 1; end - start < most; next += 1) {
    const one = parts[next]
    if (one === undefined || one.block !== part.block || one.at !== end) break
    const run = sent.firstUnsent(one, start + most - end)
    if (run?.firstPage !== one.firstPage) break
    runs.push(run)
    end += run.pageCount
  }
  return { runs, start, end }
}
