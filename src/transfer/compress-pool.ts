import type { Worker } from 'node:worker_threads'
import { InternalError } from '../errors.ts'
import { allocateSlots } from '../io/aligned-memory.ts'
import {
  type CompressAnswer,
  type CompressJob,
  type CompressThreadData,
  OUTPUT_LENGTH,
} from './compress-job.ts'
import { startThread } from './worker-thread.ts'

/** Jobs that a thread may have at hand, so that it never waits for the next. */
const JOBS_PER_THREAD = 2

/** Results of one job; valid until `release()`. */
export interface CompressedSlot {
  readonly pieces: CompressAnswer['pieces']
  /** The bytes of a compressed piece. */
  readonly output: SharedArrayBuffer
  release(): void
}

interface Thread {
  readonly worker: Worker
  jobs: number
}

/** Threads that compress slots. Whoever asks while all are busy waits. */
export class CompressPool implements AsyncDisposable {
  readonly #threads: Thread[]
  readonly #output: SharedArrayBuffer
  readonly #freeOutputs: number[]
  readonly #waiting: (() => void)[] = []
  readonly #pending = new Map<number, PromiseWithResolvers<CompressAnswer>>()
  #nextId = 0
  #failure: unknown

  /** `input` is the memory that the slots were cut from. */
  constructor(codec: 'zlib' | 'zstd', input: SharedArrayBuffer, threadCount: number) {
    const outputs = allocateSlots(threadCount * JOBS_PER_THREAD, OUTPUT_LENGTH, { shared: true })
    this.#output = outputs[0]?.buffer as SharedArrayBuffer
    this.#freeOutputs = outputs.map(({ byteOffset }) => byteOffset)
    const data: CompressThreadData = { codec, input, output: this.#output }
    this.#threads = Array.from({ length: threadCount }, () => this.#start(data))
  }

  /** Compresses the segments of a slot. @throws InternalError when a thread died */
  async compress(segments: CompressJob['segments'], level: () => number): Promise<CompressedSlot> {
    const outputOffset = await this.#takeOutput()
    const thread = this.#threads.reduce((least, other) => (other.jobs < least.jobs ? other : least))
    const id = this.#nextId
    this.#nextId += 1
    const answer = Promise.withResolvers<CompressAnswer>()
    this.#pending.set(id, answer)
    thread.jobs += 1
    const job: CompressJob = { id, level: level(), outputOffset, segments }
    thread.worker.postMessage(job)
    try {
      const { pieces } = await answer.promise
      return { pieces, output: this.#output, release: () => this.#giveOutput(outputOffset) }
    } finally {
      thread.jobs -= 1
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new InternalError('The compression threads were ended'))
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #start(data: CompressThreadData): Thread {
    const worker = startThread('compress-thread', data)
    // Ended by disposal; until then somebody may wait for it.
    worker.ref()
    worker.on('message', (answer: CompressAnswer) => {
      this.#pending.get(answer.id)?.resolve(answer)
      this.#pending.delete(answer.id)
    })
    worker.on('error', (cause) =>
      this.#fail(new InternalError('A compression thread failed', { cause })),
    )
    return { worker, jobs: 0 }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const { reject } of this.#pending.values()) reject(this.#failure)
    this.#pending.clear()
    for (const resume of this.#waiting.splice(0)) resume()
  }

  async #takeOutput(): Promise<number> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const offset = this.#freeOutputs.pop()
      if (offset !== undefined) return offset
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  #giveOutput(offset: number): void {
    this.#freeOutputs.push(offset)
    this.#waiting.shift()?.()
  }
}
