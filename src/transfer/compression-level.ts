import type { FrameCodec } from '../image/stasis/frame-codec.ts'
import { CODECS } from '../io/codecs/codec-table.ts'
import type { CompressionLevel } from './image-receiver.ts'

/** Chooses the compression level of the next frame. */
export interface LevelChooser {
  /** `diskIsBusy`: whether the disk is the slower side right now. */
  next(diskIsBusy: boolean): number
}

/** Frames between two adjustments. */
const WINDOW = 32

/** Chooses levels for a codec: a fixed one, or those of a ladder that follows the balance of disk and processor. */
export function chooseLevel(codec: FrameCodec, level: CompressionLevel): LevelChooser {
  if (codec === 'none') return { next: () => 0 }
  if (level !== 'adaptive') return { next: () => level }
  return new AdaptiveLevel(CODECS[codec].ladder)
}

class AdaptiveLevel implements LevelChooser {
  readonly #ladder: readonly number[]
  #rung = 0
  #frames = 0
  #busy = 0

  constructor(ladder: readonly number[]) {
    this.#ladder = ladder
  }

  next(diskIsBusy: boolean): number {
    this.#frames += 1
    if (diskIsBusy) this.#busy += 1
    if (this.#frames === WINDOW) {
      // A disk that was busy most of the time leaves the processor idle: compress harder. A disk that was hardly ever busy waits for us.
      if (this.#busy > WINDOW * 0.75) this.#rung = Math.min(this.#rung + 1, this.#ladder.length - 1)
      else if (this.#busy < WINDOW * 0.25) this.#rung = Math.max(this.#rung - 1, 0)
      this.#frames = 0
      this.#busy = 0
    }
    return this.#ladder[this.#rung] ?? 1
  }
}
