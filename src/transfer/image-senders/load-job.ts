import type { FrameFault } from '../../image/stasis/frame-fault.ts'

/** Start data of a loading thread. */
export interface LoadThreadData {
  /** Descriptor of the image for aligned reads. */
  readonly image: number
  /** Descriptors of the memory files, by block. */
  readonly memories: ReadonlyMap<number, number>
}

/** Load these frames: records as in the index of docs/format/stasis.md, in the order of their offsets, close together. */
export interface LoadJob {
  readonly records: Uint8Array
}

/** The answer of a thread. */
export type LoadAnswer =
  | { readonly kind: 'loaded'; readonly ramBytes: number; readonly fileBytes: number }
  /** `position` among the frames of the job. */
  | { readonly kind: 'damaged'; readonly position: number; readonly fault: FrameFault }
  | { readonly kind: 'failed'; readonly step: 'read' | 'fill'; readonly code: string }

/** Options for loading memory. */
export interface LoadMemoryOptions {
  /** How many frames are read, decompressed and written at the same time; the workers use as many reader numbers, from 0. */
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  /** Called after frames, with their length in memory and in the image, and their numbers. */
  readonly onLoaded: (ramBytes: number, fileBytes: number, frames: Iterable<number>) => void
}
