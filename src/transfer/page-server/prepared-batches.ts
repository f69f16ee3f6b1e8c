import { PAGE_RECORD_LENGTH } from '../../wire/page-records.ts'
import type { PageRange } from '../../image/saved-machine.ts'
import type { BatchMaker } from './batch-maker.ts'
import type { FrameBatch } from './frame-batch.ts'

/** A batch in preparation, in a slot that it occupies until all of it was sent. */
export interface PreparedBatch {
  readonly batch: FrameBatch
  /** All its records, once they are ready. */
  readonly records: Buffer | undefined
}

interface Entry extends PreparedBatch {
  readonly slot: number
  readonly done: Promise<void>
  records: Buffer | undefined
  fault: { readonly error: unknown } | undefined
}

/** Batches that are prepared ahead of the sending, in their order. They reuse a fixed number of slots, and take no more memory. */
export class PreparedBatches implements AsyncDisposable {
  readonly #maker: BatchMaker
  readonly #onReady: () => void
  readonly #free: number[]
  readonly #entries: Entry[] = []

  /** `onReady` is called when a batch is ready, or has failed. */
  constructor(maker: BatchMaker, onReady: () => void) {
    this.#maker = maker
    this.#onReady = onReady
    this.#free = Array.from({ length: maker.slotCount }, (_, slot) => slot)
  }

  /** Starts the next batches while there are free slots; returns the batch to send next, or `undefined` after the last. */
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

  /** Frees the slot of the first batch, after all of it was sent. */
  release(): void {
    const first = this.#entries.shift()
    if (first !== undefined) this.#free.push(first.slot)
  }

  /** The records of a frame, if they are ready; valid until the next call. */
  find(frame: number, { pageCount }: PageRange): Buffer | undefined {
    for (const { batch, records } of this.#entries) {
      const found = records === undefined ? undefined : batch.places.get(frame)
      if (found === undefined) continue
      const at = found * PAGE_RECORD_LENGTH
      return records?.subarray(at, at + pageCount * PAGE_RECORD_LENGTH)
    }
    return undefined
  }

  /** Waits until no batch is being prepared. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#entries.map(({ done }) => done))
  }

  #begin(batch: FrameBatch, slot: number): void {
    const make = async (): Promise<void> => {
      try {
        // Ranges without a frame need no preparation.
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
