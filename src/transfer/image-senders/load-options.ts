import type { LoadThreads } from './load-threads.ts'

/** Options for loading memory. */
export interface LoadMemoryOptions {
  /** How many frames are read, decompressed and written at the same time; the workers use as many reader numbers, from 0. */
  readonly workers: number
  /** Threads that load instead of the workers, for an image whose frames have checksums. */
  readonly threads?: LoadThreads | undefined
  readonly signal?: AbortSignal | undefined
  /** Called after frames, with their length in memory and in the image, and their numbers. */
  readonly onLoaded: (ramBytes: number, fileBytes: number, frames: Iterable<number>) => void
}
