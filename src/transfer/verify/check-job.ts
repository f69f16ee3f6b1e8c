import type { FrameFault } from '../../image/stasis/frame-fault.ts'

/** Start data of a checking thread. */
export interface CheckThreadData {
  /** Descriptor of the image for aligned reads. */
  readonly image: number
}

/** The work of a thread: a part to read and check. */
export type CheckJob =
  /** Frames: records as in the index of docs/format/stasis.md, in the order of their offsets, close together. */
  | { readonly kind: 'frames'; readonly records: Uint8Array }
  /** A part of the file, from a multiple of 4096 on; with `chunks`, a crc32c for each of them. */
  | {
      readonly kind: 'extent'
      readonly offset: number
      readonly length: number
      /** `skip` bytes of the first chunk are left out. */
      readonly chunks?: { readonly length: number; readonly skip: number }
    }

/** A part of the file that the disk could not read. */
export interface UnreadableExtent {
  readonly offset: number
  readonly length: number
  /** Node's code, such as `EIO`. */
  readonly code: string
}

/** The answer of a thread. */
export type CheckAnswer =
  | {
      readonly kind: 'frames'
      /** `position` among the frames of the job. */
      readonly faults: readonly { readonly position: number; readonly fault: FrameFault }[]
      /** For each frame, its pages that are not zero. */
      readonly contentPages: Uint32Array
      readonly fileBytes: number
    }
  | {
      readonly kind: 'extent'
      readonly unreadable: readonly UnreadableExtent[]
      readonly crcs: Uint32Array
      readonly fileBytes: number
    }
