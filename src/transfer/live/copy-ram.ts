import { throwIfCancelled } from '../../errors.ts'
import { allocateSlots } from '../../io/memory/aligned-memory.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { contentPages } from '../convert/content-pages.ts'
import { MAX_ADD_LENGTH, type MachineWriter } from '../convert/machine-writer.ts'
import { shareItems } from '../share-groups.ts'
import type { PrivateRam } from './private-ram.ts'

const OPERATION = 'write the memory of the guest'

/** Options for writing memory. */
export interface CopyRamOptions {
  /** Pieces that are written at the same time. */
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  /** Called with the bytes of memory that are done in addition. */
  readonly onDone: (bytes: number) => void
}

/** Writes copied memory to an image whose blocks were announced. Returns how many bytes of it are not zero. @throws StorageError; CancelledError; Node's error */
export async function copyRam(
  ram: PrivateRam,
  sink: MachineWriter,
  { workers, signal, onDone }: CopyRamOptions,
): Promise<number> {
  let storedBytes = 0
  const slots = allocateSlots(workers, MAX_ADD_LENGTH)
  const share = { workers, operation: OPERATION, signal }
  await shareItems(ram.steps(MAX_ADD_LENGTH), share, async (step, worker) => {
    const bytes = (slots[worker] as Uint8Array).subarray(0, step.pageCount * PAGE_SIZE)
    await ram.read(step, bytes)
    for (const { pageCount } of contentPages(step.firstPage, bytes))
      storedBytes += pageCount * PAGE_SIZE
    await sink.add(step.block, step.firstPage, bytes, step.own.length === 0 ? step.base : undefined)
    onDone(bytes.length)
  })
  throwIfCancelled(OPERATION, signal)
  return storedBytes
}
