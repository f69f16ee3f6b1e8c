import { throwIfCancelled } from '../errors.ts'
import { PAGE_SIZE, type PageStore } from '../image/saved-machine.ts'
import type { MemoryFile } from '../io/memory-file.ts'

const OPERATION = 'load the memory of the machine'

/** How much of the image one worker takes at once. */
const GROUP_LENGTH = 2 * 1024 * 1024

/** What loading memory needs. */
export interface LoadMemoryOptions {
  /** How many frames are read, decompressed and written at the same time; workers use as many reader numbers, from 0. */
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  /** Called as a frame has arrived, with its bytes in memory and in the image. */
  readonly onLoaded: (ramBytes: number, fileBytes: number) => void
}

/**
 * Fills memory files from an image. `files` has one for each block that is wanted; a page lies at its number times 4096,
 * and pages that no frame covers stay holes. The first fault ends all workers; none is left when this settles.
 * @throws ImageError, StorageError, CancelledError
 */
export async function loadMemory(
  pages: PageStore,
  files: ReadonlyMap<number, MemoryFile>,
  options: LoadMemoryOptions,
): Promise<void> {
  if (files.size === 0) return
  // All workers draw from one generator; the first that leaves its loop early closes it for the others.
  const groups = pages.groups(GROUP_LENGTH)
  const work = async (reader: number): Promise<void> => {
    for (const group of groups) {
      throwIfCancelled(OPERATION, options.signal)
      await loadGroup(pages, group, reader, files, options)
    }
  }
  const workers = Array.from({ length: options.workers }, (_, reader) => work(reader))
  for (const result of await Promise.allSettled(workers))
    if (result.status === 'rejected') throw result.reason
}

async function loadGroup(
  pages: PageStore,
  group: Uint32Array,
  reader: number,
  files: ReadonlyMap<number, MemoryFile>,
  options: LoadMemoryOptions,
): Promise<void> {
  const wanted = group.filter((frame) => files.has(pages.range(frame).block))
  await pages.prefetch(wanted, reader)
  for (const frame of wanted) {
    const { block, firstPage } = pages.range(frame)
    const bytes = await pages.read(frame, reader)
    await files.get(block)?.write(bytes, firstPage * PAGE_SIZE)
    options.onLoaded(bytes.length, pages.storedLength(frame))
  }
}
