import { DIRECT_ALIGNMENT, alignDown, alignUp, allocateSlots } from '../io/memory/aligned-memory.ts'
import type { DirectFile } from '../io/files/direct-file.ts'
import { CHUNK_LENGTH } from './digest/layout.ts'
import { imageTruncated } from './image-fault.ts'

const SLOT_COUNT = 3
const SLOT_LENGTH = 1024 * 1024

/**
 * The bytes of a file from `start` to `end` in order, read in large aligned pieces a few ahead of the consumer. The memory of a piece is reused once
 * the next is requested. `check` sees each piece, with its offset, before the consumer.
 * @throws ImageError IMAGE_TRUNCATED when the file ends before `end`, StorageError
 */
export async function* readAhead(
  file: DirectFile,
  start: number,
  end: number,
  check?: (bytes: Uint8Array, offset: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const slots = allocateSlots(SLOT_COUNT, SLOT_LENGTH)
  const reads: Promise<Uint8Array>[] = []
  // Pieces begin with a chunk of a digest.
  let ahead = alignDown(start, CHUNK_LENGTH)
  let offset = start
  const startRead = (slot: Uint8Array): void => {
    if (ahead >= end) return
    const piece = readPiece(file, slot, ahead, start, end)
    // It is awaited later; without this an early failure would count as unhandled.
    piece.catch(() => undefined)
    reads.push(piece)
    ahead += SLOT_LENGTH
  }
  try {
    slots.forEach(startRead)
    for (let turn = 0; reads.length > 0; turn += 1) {
      const piece = await (reads.shift() as Promise<Uint8Array>)
      check?.(piece, offset)
      offset += piece.length
      yield piece
      startRead(slots[turn % SLOT_COUNT] as Uint8Array)
    }
  } finally {
    await Promise.allSettled(reads)
  }
}

async function readPiece(
  file: DirectFile,
  slot: Uint8Array,
  at: number,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const wanted = Math.min(end - at, slot.length)
  const found = await file.read(slot.subarray(0, alignUp(wanted, DIRECT_ALIGNMENT)), at)
  if (found < wanted) {
    const offset = at + found
    throw imageTruncated(file.path, `it ends at byte ${offset} of ${end}`, { offset })
  }
  return slot.subarray(Math.max(0, start - at), wanted)
}
