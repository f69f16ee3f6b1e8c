import { InternalError } from '../../errors.ts'
import { crc32c } from '../../io/crc32c.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { imageDamaged } from '../image-fault.ts'
import type { FramePlace, PageRange, PageStore, RamBlock } from '../saved-machine.ts'
import { baseMissing } from './base-image.ts'
import { fileGroups } from './file-groups.ts'
import type { FrameTable } from './frame-table.ts'
import { type StasisIndex, MAX_FRAME_PAGES } from './layout.ts'
import { StasisPageStore } from './page-store.ts'

const LONGEST_FRAME = MAX_FRAME_PAGES * PAGE_SIZE

/** What one reader has read from the base last. */
interface BaseReader {
  /** Reads of one reader from the base follow one another. */
  turn: Promise<unknown>
  frame: number | undefined
  bytes: Uint8Array
  readonly memory: Uint8Array
}

/** The frames of an image whose other pages are in its base, and in the base of that. Callers see one image. */
export class LayeredPageStore implements PageStore {
  readonly blocks: readonly RamBlock[]
  readonly isLayered = true
  readonly #file: DirectFile
  readonly #frames: FrameTable
  readonly #own: StasisPageStore
  readonly #base: PageStore
  readonly #basePath: string
  /** For each block, its position in the base. */
  readonly #baseBlocks: readonly number[]
  readonly #readers: BaseReader[] = []
  readonly #targets: Uint8Array[] = []

  /** @throws ImageError IMAGE_BASE_MISSING when the base does not have the memory of the same machine */
  constructor(
    file: DirectFile,
    index: StasisIndex,
    base: { readonly path: string; readonly pages: PageStore },
  ) {
    this.#file = file
    this.#frames = index.frames
    this.blocks = index.blocks
    this.#own = new StasisPageStore(file, index)
    this.#base = base.pages
    this.#basePath = base.path
    this.#baseBlocks = index.blocks.map(({ name, length }) =>
      base.pages.blocks.findIndex((block) => block.name === name && block.length === length),
    )
    for (let frame = 0; frame < this.frameCount; frame += 1)
      if (this.#frames.isInBase(frame) && (this.#baseBlocks[this.#frames.block(frame)] ?? -1) < 0)
        throw this.#missing(frame)
  }

  get fd(): number {
    return this.#own.fd
  }

  get frameCount(): number {
    return this.#frames.count
  }

  range(index: number): PageRange {
    return this.#own.range(index)
  }

  /** 0 for a frame that is in the base. */
  storedLength(index: number): number {
    return this.#frames.storedLength(index)
  }

  place(index: number): FramePlace {
    return this.#own.place(index)
  }

  *groups(length: number): Generator<Uint32Array, void, undefined> {
    const all = Uint32Array.from({ length: this.frameCount }, (_, at) => at)
    yield* fileGroups(
      this.#frames,
      all.filter((frame) => !this.#frames.isInBase(frame)),
      length,
    )
    const inBase = all.filter((frame) => this.#frames.isInBase(frame))
    for (let first = 0; first < inBase.length;) {
      let next = first
      let pages = 0
      do pages += this.#frames.pageCount(inBase[next] as number)
      while (++next < inBase.length && pages * PAGE_SIZE < length)
      yield inBase.subarray(first, next)
      first = next
    }
  }

  async prefetch(group: Uint32Array, reader: number): Promise<void> {
    const own = group.filter((frame) => !this.#frames.isInBase(frame))
    if (own.length > 0) await this.#own.prefetch(own, reader)
  }

  async read(index: number, reader: number, target?: Uint8Array): Promise<Uint8Array> {
    if (!this.#frames.isInBase(index)) return this.#own.read(index, reader, target)
    const pages =
      target ?? this.#target(reader).subarray(0, this.#frames.pageCount(index) * PAGE_SIZE)
    const state = this.#reader(reader)
    const work = state.turn.then(() => this.#copyFromBase(index, reader, state, pages))
    state.turn = work.catch(() => undefined)
    await work
    if (crc32c(pages) === this.#frames.crc(index)) return pages
    const { block, firstPage, pageCount } = this.range(index)
    const { name } = this.blocks[block] as RamBlock
    const last = firstPage + pageCount - 1
    throw imageDamaged(
      this.#basePath,
      `pages ${firstPage} to ${last} of ${name} are not those that ${this.#file.path} needs`,
    )
  }

  async #copyFromBase(
    index: number,
    reader: number,
    state: BaseReader,
    target: Uint8Array,
  ): Promise<void> {
    const { block, firstPage, pageCount } = this.range(index)
    const end = firstPage + pageCount
    for (let page = firstPage; page < end;) {
      const frame = this.#frameOf(this.#baseBlocks[block] as number, page)
      if (frame === undefined) throw this.#missing(index)
      if (state.frame !== frame) {
        state.frame = undefined
        const { pageCount: count } = this.#base.range(frame)
        const memory = state.memory.subarray(0, count * PAGE_SIZE)
        state.bytes = await this.#base.read(frame, reader, memory)
        state.frame = frame
      }
      const range = this.#base.range(frame)
      const next = Math.min(end, range.firstPage + range.pageCount)
      const from = (page - range.firstPage) * PAGE_SIZE
      const bytes = state.bytes.subarray(from, from + (next - page) * PAGE_SIZE)
      target.set(bytes, (page - firstPage) * PAGE_SIZE)
      page = next
    }
  }

  /** The frame of the base that has a page; frames are ordered by block and page. */
  #frameOf(block: number, page: number): number | undefined {
    let low = 0
    let high = this.#base.frameCount
    while (low < high) {
      const middle = (low + high) >>> 1
      const range = this.#base.range(middle)
      const isBehind =
        range.block < block || (range.block === block && range.firstPage + range.pageCount <= page)
      if (isBehind) low = middle + 1
      else high = middle
    }
    if (low === this.#base.frameCount) return undefined
    const { block: found, firstPage } = this.#base.range(low)
    return found === block && firstPage <= page ? low : undefined
  }

  #reader(reader: number): BaseReader {
    return (this.#readers[reader] ??= {
      turn: Promise.resolve(),
      frame: undefined,
      bytes: new Uint8Array(0),
      memory: allocateAligned(LONGEST_FRAME),
    })
  }

  #target(reader: number): Uint8Array {
    return (this.#targets[reader] ??= allocateAligned(LONGEST_FRAME))
  }

  #missing(frame: number): Error {
    const { firstPage, block } = this.range(frame)
    const name = this.blocks[block]?.name
    if (name === undefined) throw new InternalError(`There is no block ${block}`)
    const what = `which does not have page ${firstPage} of ${name}`
    return baseMissing(this.#file.path, this.#basePath, what)
  }
}
