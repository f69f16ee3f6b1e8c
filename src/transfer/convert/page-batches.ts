import { ImageError } from '../../errors.ts'
import { PAGE_SIZE } from '../../image/saved-machine.ts'
import { allocateSlots } from '../../io/aligned-memory.ts'
import { PageBitmap } from '../page-bitmap.ts'
import { MAX_ADD_LENGTH, type MachineWriter, type MachineStart } from './machine-writer.ts'

const SLOT_COUNT = 10

/** Slots that must be free before pages are put in: what one piece of input can fill. */
const RESERVE = 2

/** The most page bytes that may be put in between two waits for room. */
export const MAX_PUT_LENGTH: number = MAX_ADD_LENGTH

interface Run {
  readonly block: number
  readonly firstPage: number
  readonly start: number
  end: number
}

/** Gathers pages that come one by one into runs for a sink, and holds whoever brings them to bringing each once. */
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
  #runs: Run[] = []
  #waiting: (() => void)[] = []
  #failure: unknown

  /** `path` is the image that the pages come from, for messages. */
  constructor(path: string, sink: MachineWriter) {
    this.#path = path
    this.#sink = sink
  }

  /** Comes before any page; need not be waited for. */
  begin(start: MachineStart): void {
    this.#blocks = start.blocks
    this.#maps = start.blocks.map(({ length }) => new PageBitmap(Math.ceil(length / PAGE_SIZE)))
    this.#begun = this.#sink.begin(start)
    this.#begun.catch((error: unknown) => this.#fail(error))
  }

  get blocks(): MachineStart['blocks'] {
    return this.#blocks
  }

  /** Waits until `MAX_PUT_LENGTH` bytes of pages may be put in. @throws what the sink threw */
  async room(): Promise<void> {
    while (this.#free.length < RESERVE && this.#failure === undefined)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Puts a page in; `bytes` is copied. @throws ImageError when it came before */
  put(block: number, page: number, bytes: Uint8Array): void {
    if (this.#maps[block]?.mark(page, 1) !== undefined) throw this.#twice(block, page)
    this.#slot ??= this.#free.pop() as Uint8Array
    this.#slot.set(bytes, this.#fill)
    const last = this.#runs.at(-1)
    const follows =
      last?.block === block && page === last.firstPage + (last.end - last.start) / PAGE_SIZE
    const start = this.#fill
    this.#fill += PAGE_SIZE
    if (follows && last !== undefined) last.end = this.#fill
    else this.#runs.push({ block, firstPage: page, start, end: this.#fill })
    if (this.#fill === this.#slot.length) this.#send(this.#slot)
  }

  /** Whether a page was put in. */
  has(block: number, page: number): boolean {
    return this.#maps[block]?.has(page) ?? false
  }

  /** Pages that are said to be zero: nothing to do, unless one came with content before. @throws ImageError */
  zeros(block: number, firstPage: number, pageCount: number): void {
    for (let page = firstPage; page < firstPage + pageCount; page += 1)
      if (this.has(block, page)) throw this.#twice(block, page)
  }

  /** Hands everything over and waits for it. @throws what the sink threw */
  async drain(): Promise<void> {
    if (this.#slot !== undefined) this.#send(this.#slot)
    await this.idle()
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Waits until the sink has nothing of ours any more, whatever became of it. */
  async idle(): Promise<void> {
    await this.#begun?.catch(() => undefined)
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
  }

  #send(slot: Uint8Array): void {
    const runs = this.#runs
    this.#slot = undefined
    this.#fill = 0
    this.#runs = []
    const work = this.#add(slot, runs).finally(() => {
      this.#pending.delete(work)
      this.#free.push(slot)
      this.#wake()
    })
    this.#pending.add(work)
  }

  /** Never rejects: the fault is kept. */
  async #add(slot: Uint8Array, runs: readonly Run[]): Promise<void> {
    try {
      await this.#begun
      await Promise.all(
        runs.map(({ block, firstPage, start, end }) =>
          this.#sink.add(block, firstPage, slot.subarray(start, end)),
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
      `${this.#path} has page ${page} of ${this.#blocks[block]?.name} twice: it was saved while its guest ran`,
      { path: this.#path, hint: 'Restore it, and save the guest again' },
    )
  }
}
