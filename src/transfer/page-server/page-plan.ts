import type { PageRange, PageStore } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'

/** Length of the parts of the image within which frames are sent in the order of the file. */
const GROUP_LENGTH = 16 * 1024 * 1024

/** The longer a range, the longer takes the search for its unsent pages. */
const MAX_ZEROS = 16384

/** All pages of an image: those in frames, in the order of the file, then those without a frame. */
export function* allRanges(pages: PageStore): Generator<PageRange, void, undefined> {
  for (const group of pages.groups(GROUP_LENGTH)) {
    for (const frame of group) yield pages.range(frame)
  }
  yield* zeroRanges(pages)
}

function* zeroRanges(pages: PageStore): Generator<PageRange, void, undefined> {
  let frame = 0
  for (const [block, { length }] of pages.blocks.entries()) {
    let page = 0
    for (; frame < pages.frameCount; frame += 1) {
      const range = pages.range(frame)
      if (range.block !== block) break
      if (range.firstPage > page) yield* pieces(block, page, range.firstPage)
      page = range.firstPage + range.pageCount
    }
    const end = length / PAGE_SIZE
    yield* pieces(block, page, end)
  }
}

function* pieces(block: number, from: number, end: number): Generator<PageRange, void, undefined> {
  for (let page = from; page < end; page += MAX_ZEROS)
    yield { block, firstPage: page, pageCount: Math.min(MAX_ZEROS, end - page) }
}

/** Ranges in their order. Each is announced some steps before it is returned, so that its frames can be read in advance. */
export class AnnouncedRanges {
  readonly #source: Iterator<PageRange>
  readonly #steps: number
  readonly #announce: (range: PageRange) => boolean
  readonly #queue: PageRange[] = []

  /** `announce` returns whether anything of the range is still missing; otherwise the range is skipped. */
  constructor(source: Iterator<PageRange>, steps: number, announce: (range: PageRange) => boolean) {
    this.#source = source
    this.#steps = steps
    this.#announce = announce
  }

  /** Returns the next range; `undefined` after the last. */
  take(): PageRange | undefined {
    while (this.#queue.length <= this.#steps) {
      const next = this.#source.next()
      if (next.done === true) break
      if (this.#announce(next.value)) this.#queue.push(next.value)
    }
    return this.#queue.shift()
  }
}
