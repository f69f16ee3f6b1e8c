import type { PageRange, PageStore } from './saved-machine.ts'

/**
 * Finds the frame that covers a page. When none does, returns how many pages from there on are zero: up to the next frame, or `Infinity` up to the
 * block's end, which the caller knows.
 */
export function findFrame(
  pages: PageStore,
  block: number,
  page: number,
): { readonly frame: number; readonly range: PageRange } | { readonly zeroPages: number } {
  const next = firstFrameFrom(pages, block, page + 1)
  if (next > 0) {
    const range = pages.range(next - 1)
    if (range.block === block && page < range.firstPage + range.pageCount)
      return { frame: next - 1, range }
  }
  if (next === pages.frameCount) return { zeroPages: Infinity }
  const range = pages.range(next)
  return { zeroPages: range.block === block ? range.firstPage - page : Infinity }
}

/** The first frame that begins at `page` of `block` or later; frames are ordered by block and page. */
function firstFrameFrom(pages: PageStore, block: number, page: number): number {
  let low = 0
  let high = pages.frameCount
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const range = pages.range(middle)
    if (range.block < block || (range.block === block && range.firstPage < page)) low = middle + 1
    else high = middle
  }
  return low
}
