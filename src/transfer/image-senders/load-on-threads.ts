import { availableParallelism } from 'node:os'
import { StorageError } from '../../errors.ts'
import type { PageStore, StoredFrames } from '../../image/saved-machine.ts'
import { type MemoryFile, noMemoryLeft } from '../../io/memory/memory-file.ts'
import type { LoadAnswer, LoadJob, LoadMemoryOptions, LoadThreadData } from './load-job.ts'
import { AnsweringThread } from '../answering-thread.ts'
import { shareGroups } from '../share-groups.ts'

const OPERATION = 'load the memory of the guest'

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
  // One more than there are processors, because some of them wait for the disk.
  const workers = Math.min(options.workers, availableParallelism() + 1)
  await using started = new AsyncDisposableStack()
  const program = new URL('./load-thread.ts', import.meta.url)
  const threads = Array.from({ length: workers }, () =>
    started.use(new AnsweringThread<LoadJob, LoadAnswer>({ program, data, keepsProcess: true })),
  )
  const share = { workers, operation: OPERATION, signal: options.signal }
  await shareGroups(pages, share, async (group, worker) => {
    const wanted = group.filter((frame) => files.has(pages.range(frame).block))
    if (wanted.length === 0) return
    const thread = threads[worker] as (typeof threads)[number]
    const answer = await thread.ask({ records: stored.records(wanted) })
    if (answer.kind === 'loaded') options.onLoaded(answer.ramBytes, answer.fileBytes, wanted)
    else if (answer.kind === 'damaged')
      throw stored.error(wanted[answer.position] as number, answer.fault)
    else throw failure(answer)
  })
}

function failure({ step, code }: LoadAnswer & { readonly kind: 'failed' }): Error {
  if (step === 'fill') return noMemoryLeft(code)
  return new StorageError('IO_ERROR', `Could not read the image: ${code}`, { operation: OPERATION })
}
