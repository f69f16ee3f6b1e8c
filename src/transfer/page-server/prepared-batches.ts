import { PAGE_RECORD_LENGTH } from '../../wire/page-records.ts'
import type { PageRange } from '../../image/saved-machine.ts'
import type { BatchMaker } from './batch-maker.ts'
import type { FrameBatch } from './frame-batch.ts'

/** A batch on its way, in the slot that it keeps until everything of it was sent. */
export interface PreparedBatch {
  readonly batch: FrameBatch
  /** All its records, once they are there. */
  readonly records: Buffer | undefined
}

interface Entry extends PreparedBatch {
  readonly slot: number
  readonly done: Promise<void>
  records: Buffer | undefined
  fault: { readonly error: unknown } | undefined
}

/** Batches that are prepared ahead of the sending, in their order, in slots that are used again and again: so many, and no more memory. */
export class PreparedBatches implements AsyncDisposable {
  readonly #maker: BatchMaker
  readonly #onReady: () => void
  readonly #free: number[]
  readonly #entries: Entry[] = []

  /** `onReady` is called when a batch is there, or will not be. */
  constructor(maker: BatchMaker, onReady: () => void) {
    this.#maker = maker
    this.#onReady = onReady
    this.#free = Array.from({ length: maker.slotCount }, (_, slot) => slot)
  }

  /** Begins with the next batches as long as there are slots; gives the one whose turn it is. `undefined`: there is none any more. */
  first(source: Iterator<FrameBatch>): PreparedBatch | undefined {
    for (let slot = this.#free.pop(); slot !== undefined; slot = this.#free.pop()) {
      const next = source.next()
      if (next.done === true) {
        this.#free.push(slot)
        break
      }
      this.#begin(next.value, slot)
    }
    const [first] = this.#entries
    if (first?.fault !== undefined) throw first.fault.error
    return first
  }

  /** Everything of the first was sent. */
  release(): void {
    const first = this.#entries.shift()
    if (first !== undefined) this.#free.push(first.slot)
  }

  /** The records of a frame, if it is there; good until the next act. */
  find(frame: number, { pageCount }: PageRange): Buffer | undefined {
    for (const { batch, records } of this.#entries) {
      const found = records === undefined ? undefined : batch.places.get(frame)
      if (found === undefined) continue
      const at = found * PAGE_RECORD_LENGTH
      return records?.subarray(at, at + pageCount * PAGE_RECORD_LENGTH)
    }
    return undefined
  }

  /** Waits until nothing is prepared any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#entries.map(({ done }) => done))
  }

  #begin(batch: FrameBatch, slot: number): void {
    const make = async (): Promise<void> => {
      try {
        // Ranges that no frame covers need no preparing.
        entry.records =
          batch.places.size === 0 ? Buffer.alloc(0) : await this.#maker.make(batch, slot)
      } catch (error) {
        entry.fault = { error }
      }
      this.#onReady()
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    const entry: Entry = { batch, slot, done: promise, records: undefined, fault: undefined }
    this.#entries.push(entry)
    void make().then(resolve)
  }
}
