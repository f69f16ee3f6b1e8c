import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import { CODECS } from '../../io/codecs/codec-table.ts'
import type { CompressionLevel } from '../image-receiver.ts'

/** Chooses how the next pages of a conversion are compressed. */
export interface LevelChooser {
  /** A level of the codec. `diskIsBusy` is whether the disk is the slower side right now. */
  next(diskIsBusy: boolean): number
}

/** Pieces of memory between two adjustments. */
const WINDOW = 32

/** A processor that finds the disk busy for this share of the pieces can do more. */
const DISK_IS_SLOW = 0.2

/** Below this share, the disk waits for the processor. */
const DISK_IS_FAST = 0.05

/** Chooses levels for a codec: a fixed one, or those that follow the balance of disk and processor. */
export function chooseLevel(
  codec: Exclude<FrameCodec, 'none'>,
  level: CompressionLevel,
): LevelChooser {
  if (level !== 'adaptive') return { next: () => level }
  return new AdaptiveLevel(CODECS[codec].ladder)
}

/** Begins at the first level of the ladder. */
class AdaptiveLevel implements LevelChooser {
  readonly #ladder: readonly number[]
  #rung = 0
  #pieces = 0
  #busy = 0

  constructor(ladder: readonly number[]) {
    this.#ladder = ladder
  }

  next(diskIsBusy: boolean): number {
    this.#pieces += 1
    if (diskIsBusy) this.#busy += 1
    if (this.#pieces === WINDOW) this.#adjust()
    return this.#ladder[this.#rung] as number
  }

  #adjust(): void {
    if (this.#busy > WINDOW * DISK_IS_SLOW)
      this.#rung = Math.min(this.#rung + 1, this.#ladder.length - 1)
    else if (this.#busy < WINDOW * DISK_IS_FAST) this.#rung = Math.max(this.#rung - 1, 0)
    this.#pieces = 0
    this.#busy = 0
  }
}
