import type { LaneMemory } from '../../transfer/image-receiver.ts'
import type { MemoryShown } from '../../transfer/memory-map.ts'

/** The progress of a transfer of guest memory. */
export interface TransferMeasure {
  /** 0 to 100, of the guest's RAM. */
  readonly percent: number
  /** Guest RAM processed so far, zero pages included, and in total (0 while unknown), in bytes. */
  readonly ramBytes: number
  readonly ramTotalBytes: number
  /** Bytes exchanged with QEMU. */
  readonly transferredBytes: number
  /** Bytes exchanged with the disk. */
  readonly fileBytes: number
  /** Bytes exchanged with QEMU per second, over the last seconds. */
  readonly rateBytesPerSecond: number
  /** Bytes that each channel carried. */
  readonly channelBytes: readonly number[]
  /** Which memory was transferred, and how; absent where that is not known. */
  readonly memory?: MemoryShown
  /** The content of each channel, in the order of `channelBytes`; absent where that is not known. */
  readonly lanes?: readonly LaneMemory[]
  readonly elapsedMs: number
  /** Time left at the present rate; `undefined` while unknown. */
  readonly etaMs: number | undefined
}

/** The phases of a save, in this order. The guest is stopped from `stopping` to the end; a live save has no such phase. */
export type SaveProgress =
  | { readonly phase: 'checking' }
  /** Only if the domain was restored lazily and its memory is still being loaded. The save waits for it. */
  | {
      readonly phase: 'waiting-for-memory'
      readonly image: string
      readonly remainingBytes: number | undefined
    }
  /** Only if the image goes into a pipe that has no reader. */
  | { readonly phase: 'waiting-for-reader'; readonly path: string }
  | { readonly phase: 'stopping' }
  /** `guestRuns`: it continues meanwhile (a live save). */
  | ({ readonly phase: 'transferring'; readonly guestRuns?: boolean } & TransferMeasure)
  | { readonly phase: 'flushing'; readonly fileBytes: number }
  | { readonly phase: 'ending' }

/** The phases of a restore, in this order. The guest runs after `resuming`; the last phase comes only where the restore waits for all memory. */
export type RestoreProgress =
  | { readonly phase: 'opening' }
  | { readonly phase: 'starting' }
  | ({ readonly phase: 'loading' } & TransferMeasure)
  | { readonly phase: 'resuming' }
  | {
      readonly phase: 'waiting-for-memory'
      readonly image: string
      readonly remainingBytes: number | undefined
    }

/**
 * Called about five times a second, and at each change of phase. If it throws, a save or restore is cancelled: it fails with `CancelledError`, whose `cause` is the thrown value.
 */
export type OnProgress<Progress> = (progress: Progress) => void
