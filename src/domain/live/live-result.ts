import type { SaveResult } from '../save/save.ts'
import type { GuestSpeed } from './guest-speed.ts'
import type { LiveChoice, PrecopyFigures } from './ways/live-way.ts'

/** What a live save cost, and how it was done. */
export interface LiveFigures extends LiveChoice {
  /** From QEMU's event STOP to its event RESUME, in milliseconds; 0 for a guest that was paused. */
  readonly pauseMs: number
  /** The moment of the image, ISO 8601, by QEMU's clock; `undefined` for a guest that was paused. */
  readonly stoppedAt: string | undefined
  /** The most that waited in our memory, and in the temporary file, to be written. */
  readonly mostInMemoryBytes: number
  readonly mostInSpoolBytes: number
  /** By how much the memory of QEMU grew: shared memory that the guest had not touched is allocated. */
  readonly grownBytes: number
  /** What the guest lost meanwhile; `undefined` for one that was paused, and where the host does not show it. */
  readonly guest?: GuestSpeed | undefined
  /** For the way `precopy`. */
  readonly precopy?: PrecopyFigures | undefined
}

/** A domain that continues, and whose state of one moment is in a file. `timing.downtimeMs` is its pause. */
export interface LiveSaveResult extends SaveResult {
  readonly live: LiveFigures
}
