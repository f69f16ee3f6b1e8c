import { PAGE_SIZE, type PageRange, type PageStore } from '../../image/saved-machine.ts'

/** Of the image, between which frames are taken in their order there. */
const GROUP_LENGTH = 16 * 1024 * 1024

/** Looking for what is left of a range takes longer the longer it is. */
const MAX_ZEROS = 16384

/** All pages of an image: what frames cover, in the order of the file, then what none covers. */
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

/** Ranges in their order, each announced some steps before it is taken, so that its frames can be read in advance. */
export class AnnouncedRanges {
  readonly #source: Iterator<PageRange>
  readonly #steps: number
  readonly #announce: (range: PageRange) => boolean
  readonly #queue: PageRange[] = []

  /** `announce` says whether anything of the range is still wanted; else it is left out. */
  constructor(source: Iterator<PageRange>, steps: number, announce: (range: PageRange) => boolean) {
    this.#source = source
    this.#steps = steps
    this.#announce = announce
  }

  /** The next range; `undefined` after the last. */
  take(): PageRange | undefined {
    while (this.#queue.length <= this.#steps) {
      const next = this.#source.next()
      if (next.done === true) break
      if (this.#announce(next.value)) this.#queue.push(next.value)
    }
    return this.#queue.shift()
  }
}
