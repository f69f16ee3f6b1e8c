import { availableParallelism } from 'node:os'
import { InternalError, StorageError } from '../../errors.ts'
import type { StoredFrames } from '../../image/saved-machine.ts'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import { PAGE_RECORD_LENGTH } from '../../wire/page-records.ts'
import type { BatchAnswer, BatchJob, BatchThreadData } from './batch-job.ts'
import type { BatchMaker } from './batch-maker.ts'
import { BATCH_PAGES, type FrameBatch } from './frame-batch.ts'
import { AnsweringThread } from '../answering-thread.ts'

const SLOT_LENGTH = BATCH_PAGES * PAGE_RECORD_LENGTH

/** This many threads decompress faster than one thread can send, and QEMU can receive, even pages that hardly compress. */
const MAX_THREADS = 4

/** Slots in addition to the one that each thread works on: one that is being sent, and one that waits for that. */
const SPARE_SLOTS = 2

/** Prepares batches on its own threads; takes up to 25 MB for slots, and the read buffer of each thread. */
export class BatchThreads implements BatchMaker, AsyncDisposable {
  readonly slotCount: number
  readonly #stored: StoredFrames
  readonly #slots: SharedArrayBuffer
  readonly #threads: readonly BatchThread[]

  /** Starts the threads; `onReady` is called when the first of them accepts jobs. */
  constructor(
    stored: StoredFrames,
    options: { readonly readers: number; readonly onReady: () => void },
  ) {
    const threadCount = Math.min(options.readers, availableParallelism(), MAX_THREADS)
    this.slotCount = threadCount + SPARE_SLOTS
    this.#stored = stored
    const memory = allocateAligned(this.slotCount * SLOT_LENGTH, { shared: true })
    this.#slots = memory.buffer as SharedArrayBuffer
    const data: BatchThreadData = { image: stored.fd, slots: this.#slots }
    this.#threads = Array.from(
      { length: threadCount },
      () => new BatchThread(data, options.onReady),
    )
  }

  /** Whether any of them accepts jobs; `onReady` reports the first time. */
  get ready(): boolean {
    return this.#threads.some(({ up }) => up)
  }

  async make({ places }: FrameBatch, slot: number): Promise<Buffer> {
    const frames = Uint32Array.from(places.keys())
    const [thread] = this.#threads.filter(({ up }) => up).sort((a, b) => a.jobs - b.jobs)
    if (thread === undefined) throw new InternalError('No thread takes a batch')
    const answer = await thread.make({ slot, records: this.#stored.records(frames) })
    if (answer.kind === 'damaged')
      throw this.#stored.error(frames[answer.position] as number, answer.fault)
    if (answer.kind === 'failed')
      throw new StorageError('IO_ERROR', `Could not read the image: ${answer.code}`, {
        operation: 'load the memory of the guest',
      })
    return Buffer.from(this.#slots, slot * SLOT_LENGTH, SLOT_LENGTH)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()))
  }
}

/** One thread; `up` once it accepts jobs. */
class BatchThread implements AsyncDisposable {
  readonly #thread: AnsweringThread<BatchJob, BatchAnswer>
  #up = false

  constructor(data: BatchThreadData, onUp: () => void) {
    const program = new URL('./batch-thread.ts', import.meta.url)
    this.#thread = new AnsweringThread({ program, data, keepsProcess: false })
    const begin = (): void => {
      this.#up = true
      onUp()
    }
    // A thread that fails before is never up.
    this.#thread.next().then(begin, () => undefined)
  }

  get up(): boolean {
    return this.#up
  }

  /** How many jobs it has received and not answered. */
  get jobs(): number {
    return this.#thread.pending
  }

  make(job: BatchJob): Promise<BatchAnswer> {
    return this.#thread.ask(job)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}
