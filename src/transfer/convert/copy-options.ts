import type { PageBitmap } from '../page-bitmap.ts'

/** The options of a copy. */
export interface CopyOptions {
  /** Readers at the same time, where the image supports it. */
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  /** Called with the number of further bytes read from the image. */
  readonly onRead: (fileBytes: number) => void
  /** Copies the undamaged parts of a damaged image. */
  readonly salvage?: SalvageOptions | undefined
}

/** The parts that a copy leaves out. */
export interface SalvageOptions {
  /** For each block, the damaged pages; they become zero. A channel is read as far as possible. */
  readonly damaged: readonly PageBitmap[]
}

/** Whether a page is to be left out. */
export function isLeftOut(options: CopyOptions, block: number, page: number): boolean {
  return options.salvage?.damaged[block]?.has(page) ?? false
}
