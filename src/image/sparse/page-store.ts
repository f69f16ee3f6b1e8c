import { InternalError } from '../../errors.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import type { MappedBlock } from '../../wire/mapped-ram.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { imageTruncated } from '../image-fault.ts'
import type { FramePlace, PageRange, PageStore, RamBlock } from '../saved-machine.ts'
import { FileWindow, type WindowCheck } from '../stasis/file-window.ts'
import type { PageRuns } from './page-runs.ts'

const MAX_READERS = 64

/** It is cheaper to skip a longer hole than to read it. */
const MAX_GAP = 256 * 1024

/** The pages of a sparse image whose block headers were checked. Its frames are the runs of pages that its bitmaps mark as present. */
export class SparsePageStore implements PageStore {
  readonly blocks: readonly RamBlock[]
  readonly #file: DirectFile
  readonly #pagesOffsets: readonly number[]
  readonly #runs: PageRuns
  readonly #check: WindowCheck | undefined
  readonly #windows: FileWindow[] = []

  constructor(
    file: DirectFile,
    blocks: readonly MappedBlock[],
    runs: PageRuns,
    check: WindowCheck | undefined,
  ) {
    this.#file = file
    this.#check = check
    this.#runs = runs
    this.#pagesOffsets = blocks.map(({ pagesOffset }) => pagesOffset)
    this.blocks = blocks.map(({ name, length, pagesOffset }) => ({
      name,
      length,
      linearOffset: pagesOffset,
    }))
  }

  get frameCount(): number {
    return this.#runs.count
  }

  range(index: number): PageRange {
    return this.#runs.range(index)
  }

  storedLength(index: number): number {
    return this.range(index).pageCount * PAGE_SIZE
  }

  get fd(): number {
    return this.#file.directFd
  }

  place(index: number): FramePlace {
    return { offset: this.#offset(index), storedLength: this.storedLength(index), codec: 'none' }
  }

  *groups(length: number): Generator<Uint32Array, void, undefined> {
    let group: number[] = []
    let start = 0
    let end = 0
    for (let index = 0; index < this.frameCount; index += 1) {
      const from = this.#offset(index)
      const to = from + this.storedLength(index)
      if (group.length > 0 && (to - start > length || from - end > MAX_GAP)) {
        yield Uint32Array.from(group)
        group = []
      }
      if (group.length === 0) start = from
      group.push(index)
      end = to
    }
    if (group.length > 0) yield Uint32Array.from(group)
  }

  async prefetch(group: Uint32Array, reader: number): Promise<void> {
    const first = group[0]
    const last = group.at(-1)
    if (first === undefined || last === undefined) return
    const end = this.#offset(last) + this.storedLength(last)
    await this.#window(reader).show(this.#offset(first), end)
  }

  async read(index: number, reader: number): Promise<Uint8Array> {
    const start = this.#offset(index)
    const end = start + this.storedLength(index)
    const window = this.#window(reader)
    await window.show(start, end)
    const pages = window.bytes(start, end)
    if (pages.length === end - start) return pages
    const { block, firstPage } = this.range(index)
    const what = `page ${firstPage} of ${this.blocks[block]?.name} is missing`
    throw imageTruncated(this.#file.path, what, { offset: start })
  }

  #window(reader: number): FileWindow {
    if (reader < 0 || reader >= MAX_READERS) throw new InternalError(`There is no reader ${reader}`)
    return (this.#windows[reader] ??= new FileWindow(this.#file, this.#check))
  }

  #offset(index: number): number {
    const { block, firstPage } = this.range(index)
    return (this.#pagesOffsets[block] as number) + firstPage * PAGE_SIZE
  }
}
