import type { FrameFault } from '../../image/stasis/frame-fault.ts'

/** Start data of a thread that prepares batches. */
export interface BatchThreadData {
  /** Descriptor of the image for aligned reads. */
  readonly image: number
  /** All slots, one after another, each for the records of `BATCH_PAGES`. */
  readonly slots: SharedArrayBuffer
}

/** Prepare these frames in a slot, one after another from its beginning; `records` as in the index of docs/format/stasis.md. */
export interface BatchJob {
  readonly slot: number
  readonly records: Uint8Array
}

/** The answer of a thread. */
export type BatchAnswer =
  /** It has started, and accepts jobs from now on. */
  | { readonly kind: 'up' }
  | { readonly kind: 'made' }
  /** `position` among the frames of the job. */
  | { readonly kind: 'damaged'; readonly position: number; readonly fault: FrameFault }
  | { readonly kind: 'failed'; readonly code: string }
