import type { FrameFault } from '../../image/stasis/frame-fault.ts'

/** What a thread that prepares batches is started with. */
export interface BatchThreadData {
  /** Of the image, for aligned reads. */
  readonly image: number
  /** All slots, one behind the other, each for the records of `BATCH_PAGES`. */
  readonly slots: SharedArrayBuffer
}

/** Prepare these frames in a slot, from its beginning, one behind the other: records as docs/format/stasis.md has them in its index. */
export interface BatchJob {
  readonly slot: number
  readonly records: Uint8Array
}

/** What a thread answers. */
export type BatchAnswer =
  /** It was started, and takes jobs from now on. */
  | { readonly kind: 'up' }
  | { readonly kind: 'made' }
  /** `position` among the frames of the job. */
  | { readonly kind: 'damaged'; readonly position: number; readonly fault: FrameFault }
  | { readonly kind: 'failed'; readonly code: string }
