import type { FrameBatch } from './frame-batch.ts'

/** Prepares batches: checks and decompresses their pages, and stores them as consecutive records in a slot (wire/page-records.ts). */
export interface BatchMaker {
  /** Number of slots that it can use. */
  readonly slotCount: number
  /** Prepares a batch in a slot (from 0). @throws ImageError, StorageError */
  make(batch: FrameBatch, slot: number): Promise<Buffer>
}
