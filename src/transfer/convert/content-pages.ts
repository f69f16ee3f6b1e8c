import type { PageSpan } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { isZeroPage } from '../zero-page.ts'

/** Consecutive pages, with their bytes. */
export interface ContentPages extends PageSpan {
  readonly bytes: Uint8Array
}

/** Finds the pages with content among those from `firstPage` on. Fewer than `bridge` zero pages in between count as content. */
export function contentPages(
  firstPage: number,
  bytes: Uint8Array,
  bridge = 1,
): readonly ContentPages[] {
  const runs: { start: number; end: number }[] = []
  for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
    if (isZeroPage(bytes, at)) continue
    const last = runs.at(-1)
    if (last !== undefined && at - last.end < bridge * PAGE_SIZE) last.end = at + PAGE_SIZE
    else runs.push({ start: at, end: at + PAGE_SIZE })
  }
  return runs.map(({ start, end }) => ({
    firstPage: firstPage + start / PAGE_SIZE,
    pageCount: (end - start) / PAGE_SIZE,
    bytes: bytes.subarray(start, end),
  }))
}
