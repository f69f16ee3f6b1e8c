/** Consecutive pages. */
export interface PageRun {
  readonly firstPage: number
  readonly pageCount: number
}

/** Joins page numbers to runs, in their given order. */
export function pageRuns(pages: readonly number[]): readonly PageRun[] {
  const runs: { firstPage: number; pageCount: number }[] = []
  for (const page of pages) {
    const last = runs.at(-1)
    if (last !== undefined && last.firstPage + last.pageCount === page) last.pageCount += 1
    else runs.push({ firstPage: page, pageCount: 1 })
  }
  return runs
}
