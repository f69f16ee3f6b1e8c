import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { InternalError, StorageError, throwIfCancelled } from '../../errors.ts'
import type { PageStore, StoredFrames } from '../../image/saved-machine.ts'
import { type MemoryFile, noMemoryLeft } from '../../io/memory-file.ts'
import type { LoadAnswer, LoadJob, LoadMemoryOptions, LoadThreadData } from './load-job.ts'
import { endThread, startThread } from '../worker-thread.ts'

const OPERATION = 'load the memory of the guest'

/** How much of the image one thread takes at once. */
const GROUP_LENGTH = 2 * 1024 * 1024

/**
 * Below this many frames, starting threads costs more than it saves: each thread needs a quarter of a second of a processor when it runs from the
 * sources, each frame its way to the thread pool and back.
 */
export const THREADS_FROM = 4096

/**
 * Fills memory files from an image on its own threads. Each of them reads, checks, decompresses and writes. The first fault ends all; none runs after
 * this settles.
 * @throws ImageError, StorageError, CancelledError
 */
export async function loadOnThreads(
  pages: PageStore,
  stored: StoredFrames,
  files: ReadonlyMap<number, MemoryFile>,
  options: LoadMemoryOptions,
): Promise<void> {
  const data: LoadThreadData = {
    image: stored.fd,
    memories: new Map([...files].map(([block, { fd }]) => [block, fd])),
  }
  // All threads share one generator; the first that leaves its loop early closes it for the others.
  const groups = pages.groups(GROUP_LENGTH)
  const work = async (): Promise<void> => {
    await using thread = new LoadThread(data)
    for (const group of groups) {
      throwIfCancelled(OPERATION, options.signal)
      const wanted = group.filter((frame) => files.has(pages.range(frame).block))
      if (wanted.length === 0) continue
      const answer = await thread.load({ records: stored.records(wanted) })
      if (answer.kind === 'loaded') options.onLoaded(answer.ramBytes, answer.fileBytes)
      else if (answer.kind === 'damaged')
        throw stored.error(wanted[answer.position] as number, answer.fault)
      else throw failure(answer)
    }
  }
  // One more than there are processors, because some of them wait for the disk.
  const count = Math.min(options.workers, availableParallelism() + 1)
  const results = await Promise.allSettled(Array.from({ length: count }, work))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

class LoadThread implements AsyncDisposable {
  readonly #worker: Worker
  #answer: PromiseWithResolvers<LoadAnswer> | undefined

  constructor(data: LoadThreadData) {
    this.#worker = startThread(new URL('./load-thread.ts', import.meta.url), data)
    // The process waits for the thread until it is terminated.
    this.#worker.ref()
    this.#worker.on('message', (answer: LoadAnswer) => this.#answer?.resolve(answer))
    this.#worker.on('error', (cause) => {
      this.#answer?.reject(new InternalError('A loading thread failed', { cause }))
    })
  }

  load(job: LoadJob): Promise<LoadAnswer> {
    this.#answer = Promise.withResolvers()
    this.#worker.postMessage(job)
    return this.#answer.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endThread(this.#worker)
  }
}

function failure({ step, code }: LoadAnswer & { readonly kind: 'failed' }): Error {
  if (step === 'fill') return noMemoryLeft(code)
  return new StorageError('IO_ERROR', `Could not read the image: ${code}`, { operation: OPERATION })
}
