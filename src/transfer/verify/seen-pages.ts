import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { PageBitmap } from '../page-bitmap.ts'
import type { BlockReading } from './damage.ts'
import type { DamageLog } from './damage-log.ts'
import { countContent } from './zero-pages.ts'

/** The most pages in one range. */
const ENDLESS = 2 ** 40

/** Which pages a stream has brought, block by block. */
export class SeenPages {
  #blocks: readonly AnnouncedBlock[] = []
  #seen: readonly PageBitmap[] = []
  #content: readonly PageBitmap[] = []

  begin(blocks: readonly AnnouncedBlock[]): void {
    const bitmaps = (): readonly PageBitmap[] =>
      blocks.map(({ length }) => new PageBitmap(Math.ceil(length / PAGE_SIZE)))
    this.#blocks = blocks
    this.#seen = bitmaps()
    this.#content = bitmaps()
  }

  get blocks(): readonly AnnouncedBlock[] {
    return this.#blocks
  }

  page(block: number, page: number, bytes: Uint8Array): void {
    this.#seen[block]?.mark(page, 1)
    if (countContent(bytes) > 0) this.#content[block]?.mark(page, 1)
  }

  zeros(block: number, firstPage: number, pageCount: number): void {
    this.#seen[block]?.mark(firstPage, pageCount)
  }

  /** Reports the pages that never came: a source that stopped its guest sends each. */
  reportMissing(log: DamageLog): void {
    for (const [block, pages] of this.#seen.entries())
      for (const { firstPage, pageCount } of pages.gaps(ENDLESS))
        log.memory({ kind: 'missing', block, firstPage, pageCount, storedAs: 'nowhere' })
  }

  readings(): readonly BlockReading[] {
    return this.#blocks.map(({ name, length }, block) => {
      return { name, length, dataBytes: (this.#content[block]?.count ?? 0) * PAGE_SIZE }
    })
  }
}
