import type { FrameCodec } from '../image/stasis/frame-codec.ts'
import { CODECS } from '../io/codecs/codec-table.ts'
import type { CompressionLevel } from './image-receiver.ts'

/** Time that was spent on waiting for the pages, on compressing them, and on waiting for the disk. */
export interface SpentMs {
  readonly source: number
  readonly processor: number
  readonly disk: number
}

/** Chooses how the next pages are compressed. */
export interface LevelChooser {
  /** A level of the codec; `undefined` stores the pages as they are. `spent` is the time since the last call. */
  next(spent: SpentMs): number | undefined
}

/** Pieces of memory between two adjustments. */
const WINDOW = 32

/** A processor that waits for the disk for this share of the time can do more. */
const DISK_IS_SLOW = 0.2

/** Below this share, the disk waits for the processor, unless both wait for the source. */
const DISK_IS_FAST = 0.05

/** The shares of the pieces that are compressed when not all are. */
const SHARES = [0, 0.25, 0.5, 0.75] as const

/**
 * Chooses levels for a codec: a fixed one, or those that follow the balance of disk and processor. Such a chooser stores a part of the
 * pages as they are while the disk waits for the processor, if `mayStore`.
 */
export function chooseLevel(
  codec: FrameCodec,
  level: CompressionLevel,
  { mayStore }: { readonly mayStore: boolean },
): LevelChooser {
  if (codec === 'none') return { next: () => undefined }
  if (level !== 'adaptive') return { next: () => level }
  return new AdaptiveLevel(CODECS[codec].ladder, mayStore ? SHARES : [])
}

/** Begins with everything compressed at the first level of the ladder. The shares are the rungs below it. */
class AdaptiveLevel implements LevelChooser {
  readonly #ladder: readonly number[]
  readonly #shares: readonly number[]
  #rung: number
  #pieces = 0
  #diskMs = 0
  #processorMs = 0
  #allMs = 0
  /** The part of a piece that the share still owes to compression. */
  #owed = 0

  constructor(ladder: readonly number[], shares: readonly number[]) {
    this.#ladder = ladder
    this.#shares = shares
    this.#rung = shares.length
  }

  next({ source, processor, disk }: SpentMs): number | undefined {
    this.#pieces += 1
    this.#diskMs += disk
    this.#processorMs += processor
    this.#allMs += source + processor + disk
    if (this.#pieces === WINDOW) this.#adjust()
    const share = this.#shares[this.#rung]
    if (share === undefined) return this.#ladder[this.#rung - this.#shares.length]
    this.#owed += share
    if (this.#owed < 1) return undefined
    this.#owed -= 1
    return this.#ladder[0]
  }

  #adjust(): void {
    const last = this.#shares.length + this.#ladder.length - 1
    if (this.#diskMs > this.#allMs * DISK_IS_SLOW) this.#rung = Math.min(this.#rung + 1, last)
    else if (this.#diskMs < this.#allMs * DISK_IS_FAST && this.#processorMs > this.#allMs / 2)
      this.#rung = Math.max(this.#rung - 1, 0)
    this.#pieces = 0
    this.#diskMs = 0
    this.#processorMs = 0
    this.#allMs = 0
  }
}
