import { availableParallelism } from 'node:os'
import type { PageStore } from '../../image/saved-machine.ts'
import { END } from '../thread-port.ts'
import { WorkerThread } from '../worker-thread.ts'
import { type LastAnswer, type LoadAnswer, type LoadPlan, STOP } from './load-job.ts'

/** Below this many frames and bytes, starting threads takes longer than they save. Each frame costs the way to the thread pool and back. */
const WORTH_FRAMES = 4096
export const WORTH_BYTES: number = 512 * 1024 * 1024

/** Whether an image is long enough for threads. */
export function isWorthThreads(pages: PageStore): boolean {
  if (pages.checked === undefined) return false
  if (pages.frameCount >= WORTH_FRAMES) return true
  let stored = 0
  for (let frame = 0; frame < pages.frameCount; frame += 1) stored += pages.storedLength(frame)
  return stored >= WORTH_BYTES
}

type LoadThread = WorkerThread<LoadPlan | typeof END, LoadAnswer>

/** Threads that load one image. They start at once, so that they can be ready when the image is open. */
export class LoadThreads implements AsyncDisposable {
  readonly #threads: LoadThread[] = []
  readonly #lasts: PromiseWithResolvers<LastAnswer>[] = []
  #plan: LoadPlan | undefined
  #onLoaded: ((groups: readonly number[]) => void) | undefined

  /** @throws StorageError when the host has no thread left for us */
  constructor(readers: number) {
    // One more than there are processors, because some of them wait for the disk.
    const count = Math.min(readers, availableParallelism() + 1)
    try {
      while (this.#threads.length < count) this.#start()
    } catch (error) {
      void this[Symbol.asyncDispose]()
      throw error
    }
  }

  /**
   * Loads, and lets the threads end. Resolves with the last answer of each when none works any more; a fault ends all. `onLoaded` gets numbers of groups.
   * @throws StasisError when a thread itself fails
   */
  async load(
    plan: LoadPlan,
    onLoaded: (groups: readonly number[]) => void,
  ): Promise<readonly LastAnswer[]> {
    this.#plan = plan
    this.#onLoaded = onLoaded
    for (const { promise } of this.#lasts) promise.catch(() => this.stop())
    for (const thread of this.#threads) {
      thread.post(plan)
      thread.post(END)
    }
    const ends = await Promise.allSettled(this.#lasts.map(({ promise }) => promise))
    return ends.map((end) => {
      if (end.status === 'rejected') throw end.reason
      return end.value
    })
  }

  /** Lets no thread take a further group. */
  stop(): void {
    if (this.#plan !== undefined) Atomics.store(this.#plan.control, STOP, 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()))
  }

  #start(): void {
    const last = Promise.withResolvers<LastAnswer>()
    // A load reports it; without one nobody waits for this thread.
    last.promise.catch(() => undefined)
    const thread: LoadThread = new WorkerThread({
      program: new URL('./load-thread.ts', import.meta.url),
      data: undefined,
      keepsProcess: true,
      onAnswer: (answer) => {
        if (answer.kind === 'loaded') this.#onLoaded?.(answer.groups)
        else last.resolve(answer)
      },
      onFailure: last.reject,
    })
    this.#threads.push(thread)
    this.#lasts.push(last)
  }
}
