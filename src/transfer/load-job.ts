import type { FrameFault } from '../image/stasis/frame-fault.ts'

/** What a loading thread is started with. */
export interface LoadThreadData {
  /** Of the image, for aligned reads. */
  readonly image: number
  /** Of the memory files, by block. */
  readonly memories: ReadonlyMap<number, number>
}

/** Load these frames: records as docs/format/stasis.md has them in its index, in the order of their offsets, close together. */
export interface LoadJob {
  readonly records: Uint8Array
}

/** What a thread answers. */
export type LoadAnswer =
  | { readonly kind: 'loaded'; readonly ramBytes: number; readonly fileBytes: number }
  /** `position` among the frames of the job. */
  | { readonly kind: 'damaged'; readonly position: number; readonly fault: FrameFault }
  | { readonly kind: 'failed'; readonly step: 'read' | 'fill'; readonly code: string }
