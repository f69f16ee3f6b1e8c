import type { FrameFault } from '../../image/stasis/frame-fault.ts'

/** The work of all threads of a load. Its arrays are in shared memory, so that each thread takes the next group by itself. */
export interface LoadPlan {
  /** Descriptor of the image for aligned reads. */
  readonly image: number
  /** Descriptors of the memory files, by block. */
  readonly memories: ReadonlyMap<number, number>
  /** The records of all frames, as in the index of docs/format/stasis.md. */
  readonly records: Uint8Array
  /** The wanted frames, group by group. */
  readonly order: Uint32Array
  /** Where each group starts in `order`, then where the last one ends. */
  readonly starts: Uint32Array
  /** At `NEXT` the next group to take, at `STOP` 1 when no further group is to be taken. */
  readonly control: Int32Array
}

/** Positions in `LoadPlan.control`. */
export const NEXT = 0
export const STOP = 1

/** An answer of a thread. It sends `loaded` at times, and at its end one of the others. */
export type LoadAnswer =
  | { readonly kind: 'loaded'; readonly groups: readonly number[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'damaged'; readonly frame: number; readonly fault: FrameFault }
  | { readonly kind: 'failed'; readonly step: 'read' | 'fill'; readonly code: string }

/** The last answer of a thread. */
export type LastAnswer = Exclude<LoadAnswer, { readonly kind: 'loaded' }>
