import { StorageError, throwIfCancelled } from '../../errors.ts'
import type { PageStore, StoredFrames } from '../../image/saved-machine.ts'
import { type MemoryFile, noMemoryLeft } from '../../io/memory/memory-file.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { LastAnswer } from './load-job.ts'
import type { LoadMemoryOptions } from './load-options.ts'
import { planLoad } from './load-plan.ts'
import type { LoadThreads } from './load-threads.ts'

const OPERATION = 'load the memory of the guest'

/**
 * Fills memory files from an image on its own threads. Each of them reads, checks, decompresses and writes one group after another. The first fault ends
 * all; none works after this settles.
 * @throws ImageError, StorageError, CancelledError
 */
export async function loadOnThreads(
  pages: PageStore,
  stored: StoredFrames,
  files: ReadonlyMap<number, MemoryFile>,
  { threads, signal, onLoaded }: LoadMemoryOptions & { readonly threads: LoadThreads },
): Promise<void> {
  throwIfCancelled(OPERATION, signal)
  const plan = planLoad(pages, stored, files)
  const stop = (): void => threads.stop()
  signal?.addEventListener('abort', stop)
  try {
    const answers = await threads.load(plan, (groups) => {
      for (const group of groups) {
        const frames = plan.order.subarray(plan.starts[group], plan.starts[group + 1])
        onLoaded(...lengthsOf(pages, frames), frames)
      }
    })
    for (const answer of answers) throwFault(answer, stored)
    throwIfCancelled(OPERATION, signal)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

function lengthsOf(
  pages: PageStore,
  frames: Uint32Array,
): readonly [ramBytes: number, fileBytes: number] {
  let ramBytes = 0
  let fileBytes = 0
  for (const frame of frames) {
    ramBytes += pages.range(frame).pageCount * PAGE_SIZE
    fileBytes += pages.storedLength(frame)
  }
  return [ramBytes, fileBytes]
}

function throwFault(answer: LastAnswer, stored: StoredFrames): void {
  if (answer.kind === 'damaged') throw stored.error(answer.frame, answer.fault)
  if (answer.kind === 'done') return
  const { step, code } = answer
  if (step === 'fill') throw noMemoryLeft(code)
  throw new StorageError('IO_ERROR', `Could not read the image: ${code}`, { operation: OPERATION })
}
