import type { PageSpan } from '../../image/saved-machine.ts'

/** Joins page numbers to spans, in their given order. */
export function pageSpans(pages: readonly number[]): readonly PageSpan[] {
  const spans: { firstPage: number; pageCount: number }[] = []
  for (const page of pages) {
    const last = spans.at(-1)
    if (last !== undefined && last.firstPage + last.pageCount === page) last.pageCount += 1
    else spans.push({ firstPage: page, pageCount: 1 })
  }
  return spans
}
