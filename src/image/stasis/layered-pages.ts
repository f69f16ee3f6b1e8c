import { InternalError } from '../../errors.ts'
import { crc32c } from '../../io/crc32c.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { findFrame } from '../frame-finder.ts'
import { imageDamaged } from '../image-fault.ts'
import type { FramePlace, PageRange, PageSpan, PageStore, RamBlock } from '../saved-machine.ts'
import { baseMissing } from './base-image.ts'
import { fileGroups } from './file-groups.ts'
import type { StasisIndex } from './layout.ts'
import { StasisPageStore } from './page-store.ts'

/** Longest frame that Stasis writes. Longer ones get memory of their own. */
const USUAL_FRAME = 1024 * 1024

/** Frames that span more of a file than this are read one by one. */
const MOST_PREFETCHED = 8 * 1024 * 1024

/** One of the files that an image consists of. */
interface Layer {
  readonly file: DirectFile
  readonly index: StasisIndex
  readonly store: StasisPageStore
  /** For each block, its position in the layer below; -1: it is not there. */
  readonly below: readonly number[]
}

/** Pages of a frame of a layer. */
interface Piece extends PageSpan {
  /** The number of the layer. */
  readonly number: number
  readonly frame: number
  /** The position of the first page in the frame. */
  readonly start: number
}

/** The frame that one reader has read last from one layer. */
interface LastFrame {
  frame: number | undefined
  bytes: Uint8Array
  memory: Uint8Array
}

/** What one reader has read from the bases. */
interface BaseReader {
  /** Reads of one reader from the bases follow one another. */
  turn: Promise<unknown>
  readonly last: readonly LastFrame[]
  target: Uint8Array
}

/** The frames of an image whose other pages are in its base, and in the base of that. Callers see one image. */
export class LayeredPageStore implements PageStore {
  readonly blocks: readonly RamBlock[]
  readonly isLayered = true
  readonly #own: Layer
  readonly #layers: readonly Layer[]
  readonly #readers: BaseReader[] = []

  /**
   * `files`: the image itself first, then its base, then the base of that; each with its index, which was checked.
   * @throws ImageError IMAGE_BASE_MISSING when a base does not have the memory of the same machine
   */
  constructor(files: readonly { readonly file: DirectFile; readonly index: StasisIndex }[]) {
    this.#layers = files.map(({ file, index }, number) => {
      const next = files[number + 1]?.index.blocks ?? []
      const below = index.blocks.map(({ name, length }) =>
        next.findIndex((block) => block.name === name && block.length === length),
      )
      return { file, index, store: new StasisPageStore(file, index), below }
    })
    const [own] = this.#layers
    if (own === undefined) throw new InternalError('An image has at least one file')
    this.#own = own
    this.blocks = own.index.blocks
    this.#layers.forEach(({ index: { frames }, below }, number) => {
      for (let frame = 0; frame < frames.count; frame += 1)
        if (frames.isInBase(frame) && below[frames.block(frame)] === -1)
          throw this.#missing(number, frames.block(frame), frames.firstPage(frame))
    })
  }

  get fd(): number {
    return this.#own.store.fd
  }

  get frameCount(): number {
    return this.#own.index.frames.count
  }

  range(index: number): PageRange {
    return this.#own.store.range(index)
  }

  /** 0 for a frame that is in the base. */
  storedLength(index: number): number {
    return this.#own.store.storedLength(index)
  }

  place(index: number): FramePlace {
    return this.#own.store.place(index)
  }

  *groups(length: number): Generator<Uint32Array, void, undefined> {
    const { frames } = this.#own.index
    const all = Uint32Array.from({ length: frames.count }, (_, at) => at)
    const own = all.filter((frame) => !frames.isInBase(frame))
    yield* fileGroups(frames, own, length)
    const inBase = all.filter((frame) => frames.isInBase(frame))
    for (let first = 0; first < inBase.length;) {
      let next = first
      let pages = 0
      do pages += frames.pageCount(inBase[next] as number)
      while (++next < inBase.length && pages * PAGE_SIZE < length)
      yield inBase.subarray(first, next)
      first = next
    }
  }

  async prefetch(group: Uint32Array, reader: number): Promise<void> {
    const own = group.filter((frame) => !this.#own.index.frames.isInBase(frame))
    if (own.length > 0) await this.#own.store.prefetch(own, reader)
    if (own.length === group.length) return
    const state = this.#reader(reader)
    const work = state.turn.then(() => this.#prefetchBases(group, reader, state))
    state.turn = work.catch(() => undefined)
    await work
  }

  /** Fetches what a group needs from each base with one read, where that is not too long. */
  async #prefetchBases(group: Uint32Array, reader: number, state: BaseReader): Promise<void> {
    const wanted = this.#layers.map(() => new Set<number>())
    for (const frame of group)
      if (this.#own.index.frames.isInBase(frame))
        for (const piece of this.#piecesOf(frame)) wanted[piece.number]?.add(piece.frame)
    for (const [number, { index, store }] of this.#layers.entries()) {
      const { frames } = index
      let first: number | undefined
      let last: number | undefined
      for (const frame of wanted[number] ?? []) {
        if (first === undefined || frames.offset(frame) < frames.offset(first)) first = frame
        if (last === undefined || frames.offset(frame) > frames.offset(last)) last = frame
      }
      if (first === undefined || last === undefined) continue
      // The read may overwrite its bytes.
      ;(state.last[number] as LastFrame).frame = undefined
      if (frames.offset(last) - frames.offset(first) <= MOST_PREFETCHED)
        await store.prefetch(Uint32Array.of(first, last), reader)
    }
  }

  async read(index: number, reader: number, target?: Uint8Array): Promise<Uint8Array> {
    const { frames } = this.#own.index
    if (!frames.isInBase(index)) return this.#own.store.read(index, reader, target)
    const state = this.#reader(reader)
    const { block, firstPage, pageCount } = this.range(index)
    const work = state.turn.then(async () => {
      const length = pageCount * PAGE_SIZE
      if (target === undefined && state.target.length < length)
        state.target = allocateAligned(Math.max(length, USUAL_FRAME))
      const pages = (target ?? state.target).subarray(0, length)
      for (const piece of this.#piecesOf(index)) {
        const bytes = await this.#frame(piece, reader, state)
        const start = piece.start * PAGE_SIZE
        const part = bytes.subarray(start, start + piece.pageCount * PAGE_SIZE)
        pages.set(part, (piece.firstPage - firstPage) * PAGE_SIZE)
      }
      return pages
    })
    state.turn = work.catch(() => undefined)
    const pages = await work
    if (crc32c(pages) === frames.crc(index)) return pages
    const { name } = this.blocks[block] as RamBlock
    const what = `pages ${firstPage} to ${firstPage + pageCount - 1} of ${name} are not those that ${this.#own.file.path} needs`
    throw imageDamaged(this.#layers[1]?.file.path ?? '', what)
  }

  /** Finds the pages of a frame that is in the base. */
  *#piecesOf(frame: number): Generator<Piece, void, undefined> {
    const { block, firstPage, pageCount } = this.range(frame)
    yield* this.#pieces(1, this.#own.below[block] as number, { firstPage, pageCount })
  }

  /** Finds pages in a layer, and in those below it. `block` is the position in the layer. */
  *#pieces(number: number, block: number, span: PageSpan): Generator<Piece, void, undefined> {
    const layer = this.#layers[number]
    const end = span.firstPage + span.pageCount
    for (let page = span.firstPage; page < end;) {
      const at = layer && findFrame(layer.store, block, page)
      if (layer === undefined || at === undefined || 'zeroPages' in at)
        throw this.#missing(number - 1, block, page)
      const { frame, range } = at
      const { firstPage, pageCount } = range
      const next = Math.min(end, firstPage + pageCount)
      const found = { firstPage: page, pageCount: next - page }
      if (layer.index.frames.isInBase(frame))
        yield* this.#pieces(number + 1, layer.below[block] as number, found)
      else yield { ...found, number, frame, start: page - firstPage }
      page = next
    }
  }

  /** A frame of a layer. It is kept, because several ranges in a row often need the same one. */
  async #frame({ number, frame }: Piece, reader: number, state: BaseReader): Promise<Uint8Array> {
    const last = state.last[number] as LastFrame
    if (last.frame === frame) return last.bytes
    const { store } = this.#layers[number] as Layer
    const length = store.range(frame).pageCount * PAGE_SIZE
    if (last.memory.length < length) last.memory = allocateAligned(Math.max(length, USUAL_FRAME))
    last.frame = undefined
    last.bytes = await store.read(frame, reader, last.memory.subarray(0, length))
    last.frame = frame
    return last.bytes
  }

  #reader(reader: number): BaseReader {
    const nothing = new Uint8Array(0)
    return (this.#readers[reader] ??= {
      turn: Promise.resolve(),
      last: this.#layers.map(() => ({ frame: undefined, bytes: nothing, memory: nothing })),
      target: nothing,
    })
  }

  #missing(number: number, block: number, page: number): Error {
    const above = this.#layers[number] as Layer
    const below = this.#layers[number + 1]
    const name = (below ?? above).index.blocks[block]?.name ?? above.index.blocks[block]?.name
    const what = `which does not have page ${page} of ${name}`
    return baseMissing(above.file.path, below?.file.path ?? 'another', what)
  }
}
