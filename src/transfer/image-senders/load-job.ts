import type { FrameFault } from '../../image/stasis/frame-fault.ts'

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

/** What loading memory needs. */
export interface LoadMemoryOptions {
  /** How many frames are read, decompressed and written at the same time; workers use as many reader numbers, from 0. */
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  /** Called as a frame has arrived, with its bytes in memory and in the image. */
  readonly onLoaded: (ramBytes: number, fileBytes: number) => void
}
