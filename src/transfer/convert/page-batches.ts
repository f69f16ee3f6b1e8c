import { ImageError } from '../../errors.ts'
import type { PageRange } from '../../image/saved-machine.ts'
import { allocateSlots } from '../../io/memory/aligned-memory.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { PageBitmap } from '../page-bitmap.ts'
import { MAX_ADD_LENGTH, type MachineWriter, type MachineStart } from './machine-writer.ts'

const SLOT_COUNT = 10

/** Slots that must be free before pages are added: as many as one piece of input can fill. */
const RESERVE = 2

/** The most page bytes that may be added between two waits for space. */
export const MAX_PUT_LENGTH: number = MAX_ADD_LENGTH

/** Pages in a slot. */
interface Segment extends PageRange {
  pageCount: number
  readonly slotOffset: number
}

/** Gathers single pages into segments for a writer, and refuses a page that was added before. */
export class PageBatches {
  readonly #path: string
  readonly #sink: MachineWriter
  readonly #free: Uint8Array[] = [...allocateSlots(SLOT_COUNT, MAX_ADD_LENGTH)]
  readonly #pending = new Set<Promise<void>>()
  #begun: Promise<void> | undefined
  #blocks: MachineStart['blocks'] = []
  #maps: readonly PageBitmap[] = []
  #slot: Uint8Array | undefined
  #fill = 0
  #segments: Segment[] = []
  #waiting: (() => void)[] = []
  #failure: unknown

  /** `path` is the image that contains the pages, for messages. */
  constructor(path: string, sink: MachineWriter) {
    this.#path = path
    this.#sink = sink
  }

  /** Comes before any page; need not be awaited. */
  begin(start: MachineStart): void {
    this.#blocks = start.blocks
    this.#maps = start.blocks.map(({ length }) => new PageBitmap(Math.ceil(length / PAGE_SIZE)))
    this.#begun = this.#sink.begin(start)
    this.#begun.catch((error: unknown) => this.#fail(error))
  }

  get blocks(): MachineStart['blocks'] {
    return this.#blocks
  }

  /** Waits until `MAX_PUT_LENGTH` bytes of pages may be added. @throws errors of the writer */
  async room(): Promise<void> {
    while (this.#free.length < RESERVE && this.#failure === undefined)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Adds a page; `bytes` is copied. @throws ImageError when it was added before */
  put(block: number, page: number, bytes: Uint8Array): void {
    if (this.#maps[block]?.mark(page, 1) !== undefined) throw this.#twice(block, page)
    this.#slot ??= this.#free.pop() as Uint8Array
    this.#slot.set(bytes, this.#fill)
    const last = this.#segments.at(-1)
    if (last?.block === block && page === last.firstPage + last.pageCount) last.pageCount += 1
    else this.#segments.push({ block, firstPage: page, pageCount: 1, slotOffset: this.#fill })
    this.#fill += PAGE_SIZE
    if (this.#fill === this.#slot.length) this.#send(this.#slot)
  }

  /** Whether a page was added. */
  has(block: number, page: number): boolean {
    return this.#maps[block]?.has(page) ?? false
  }

  /** Pages that the stream reports as zero: needs no action, unless one was added with content. @throws ImageError */
  zeros(block: number, firstPage: number, pageCount: number): void {
    for (let page = firstPage; page < firstPage + pageCount; page += 1)
      if (this.has(block, page)) throw this.#twice(block, page)
  }

  /** Passes everything on and waits for it. @throws errors of the writer */
  async drain(): Promise<void> {
    if (this.#slot !== undefined) this.#send(this.#slot)
    await this.idle()
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Waits until the writer uses none of our memory, even after a failure. */
  async idle(): Promise<void> {
    await this.#begun?.catch(() => undefined)
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
  }

  #send(slot: Uint8Array): void {
    const segments = this.#segments
    this.#slot = undefined
    this.#fill = 0
    this.#segments = []
    const work = this.#add(slot, segments).finally(() => {
      this.#pending.delete(work)
      this.#free.push(slot)
      this.#wake()
    })
    this.#pending.add(work)
  }

  /** Never rejects: the error is stored. */
  async #add(slot: Uint8Array, segments: readonly Segment[]): Promise<void> {
    try {
      await this.#begun
      await Promise.all(
        segments.map(({ block, firstPage, pageCount, slotOffset }) =>
          this.#sink.add(
            block,
            firstPage,
            slot.subarray(slotOffset, slotOffset + pageCount * PAGE_SIZE),
          ),
        ),
      )
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#wake()
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume()
  }

  #twice(block: number, page: number): ImageError {
    return new ImageError(
      'IMAGE_UNSUPPORTED',
      `${this.#path} has page ${page} of ${this.#blocks[block]?.name} twice: its guest ran while it was saved`,
      { path: this.#path, hint: 'Restore it, then save the guest again' },
    )
  }
}
