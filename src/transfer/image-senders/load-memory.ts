import type { PageStore } from '../../image/saved-machine.ts'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import type { MemoryFile } from '../../io/memory/memory-file.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { LoadMemoryOptions } from './load-options.ts'
import { loadOnThreads } from './load-on-threads.ts'
import { shareGroups } from '../share-groups.ts'

const OPERATION = 'load the memory of the guest'

/** The most bytes of pages written to memory at once: at least the longest frame. */
const RUN_LENGTH = 4 * 1024 * 1024

/**
 * Fills memory files from an image. `files` has one for each wanted block; the offset of a page is its number times 4096, and pages without a frame
 * stay holes. The first fault ends all workers; none runs after this settles.
 * @throws ImageError, StorageError, CancelledError
 */
export async function loadMemory(
  pages: PageStore,
  files: ReadonlyMap<number, MemoryFile>,
  options: LoadMemoryOptions,
): Promise<void> {
  if (files.size === 0) return
  const { workers, threads, signal } = options
  if (threads !== undefined && pages.checked !== undefined) {
    await loadOnThreads(pages, pages.checked, files, { ...options, threads })
    return
  }
  const memories = Array.from({ length: workers }, () => allocateAligned(RUN_LENGTH))
  await shareGroups(pages, { workers, operation: OPERATION, signal }, (group, reader) =>
    loadGroup(pages, group, reader, memories[reader] as Uint8Array, files, options),
  )
}

async function loadGroup(
  pages: PageStore,
  group: Uint32Array,
  reader: number,
  memory: Uint8Array,
  files: ReadonlyMap<number, MemoryFile>,
  options: LoadMemoryOptions,
): Promise<void> {
  const wanted = group.filter((frame) => files.has(pages.range(frame).block))
  await pages.prefetch(wanted, reader)
  // Frames are numbered by block and page.
  for (const run of cutRuns(pages, wanted.sort(), memory.length)) {
    const { block, firstPage } = pages.range(run[0] as number)
    const pieces: Uint8Array[] = []
    let at = 0
    for (const frame of run) {
      const start = at
      at += pages.range(frame).pageCount * PAGE_SIZE
      pieces.push(await pages.read(frame, reader, memory.subarray(start, at)))
    }
    await files.get(block)?.write(pieces, firstPage * PAGE_SIZE)
    options.onLoaded(
      at,
      run.reduce((sum, frame) => sum + pages.storedLength(frame), 0),
      run,
    )
  }
}

/** Frames with consecutive pages, at most `length` bytes of pages, or a single frame. */
function* cutRuns(
  pages: PageStore,
  frames: Uint32Array,
  length: number,
): Generator<readonly number[], void, undefined> {
  let run: number[] = []
  let start = 0
  let end = -1
  for (const frame of frames) {
    const { block, firstPage, pageCount } = pages.range(frame)
    // A page's place among the pages of all blocks: the next block never follows directly on the last page of one.
    const place = block * 0x2_0000_0000 + firstPage
    if (run.length > 0 && (place !== end || (place + pageCount - start) * PAGE_SIZE > length)) {
      yield run
      run = []
    }
    if (run.length === 0) start = place
    run.push(frame)
    end = place + pageCount
  }
  if (run.length > 0) yield run
}
