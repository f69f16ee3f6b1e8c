import type { FrameBatch } from './frame-batch.ts'

/** Prepares batches: their pages, checked and decompressed, as records (wire/page-records.ts), one behind the other in a slot. */
export interface BatchMaker {
  /** Slots that are of use. */
  readonly slotCount: number
  /** Prepares a batch in a slot (from 0). @throws ImageError, StorageError */
  make(batch: FrameBatch, slot: number): Promise<Buffer>
}
