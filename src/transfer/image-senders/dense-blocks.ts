import type { PageStore } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'

/** The pages of a huge page. */
const CHUNK_PAGES = (2 * 1024 * 1024) / PAGE_SIZE

/** The most memory that huge pages may add to that of the pages in the image. */
const MOST_ADDED = 0.03

/** The blocks whose pages fill nearly all of the huge pages that they touch, so that huge pages cost next to no memory. */
export function denseBlocks(pages: PageStore): ReadonlySet<number> {
  const touched = pages.blocks.map(({ length }) => ({
    chunks: new Uint8Array(Math.ceil(length / PAGE_SIZE / CHUNK_PAGES)),
    pageCount: 0,
  }))
  for (let frame = 0; frame < pages.frameCount; frame += 1) {
    const { block, firstPage, pageCount } = pages.range(frame)
    const of = touched[block]
    if (of === undefined) continue
    const last = firstPage + pageCount - 1
    of.chunks.fill(1, Math.floor(firstPage / CHUNK_PAGES), Math.floor(last / CHUNK_PAGES) + 1)
    of.pageCount += pageCount
  }
  const dense = touched.flatMap(({ chunks, pageCount }, block) => {
    const hugePages = chunks.reduce((sum, one) => sum + one, 0)
    return hugePages * CHUNK_PAGES <= pageCount * (1 + MOST_ADDED) ? [block] : []
  })
  return new Set(dense)
}
