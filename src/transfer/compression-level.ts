import type { CompressionLevel } from './image-receiver.ts'

/** Says which level the next frame is compressed with. */
export interface LevelChooser {
  /** `diskIsBusy`: whether the disk is the slower side right now. */
  next(diskIsBusy: boolean): number
}

// Node takes zstd's -1 for "unset" and compresses with 3, so -1 is not used.
// Faster ones than -2 gain little speed and lose much size (measured on log text: notes/node/zstd.md).
const ZSTD_LADDER = [-2, 1, 3]
const ZLIB_LADDER = [1, 3, 6]

/** Frames between two looks at the balance. */
const WINDOW = 32

/** A chooser for a codec: a fixed level, or the ladder that follows what disk and processor leave idle. */
export function chooseLevel(
  codec: 'none' | 'zlib' | 'zstd',
  level: CompressionLevel,
): LevelChooser {
  if (level !== 'adaptive') return { next: () => level }
  return codec === 'zlib' ? new AdaptiveLevel(ZLIB_LADDER, 0) : new AdaptiveLevel(ZSTD_LADDER, 0)
}

class AdaptiveLevel implements LevelChooser {
  readonly #ladder: readonly number[]
  #rung: number
  #frames = 0
  #busy = 0

  constructor(ladder: readonly number[], start: number) {
    this.#ladder = ladder
    this.#rung = start
  }

  next(diskIsBusy: boolean): number {
    this.#frames += 1
    if (diskIsBusy) this.#busy += 1
    if (this.#frames === WINDOW) {
      // A disk that was busy most of the time leaves the processor idle: compress harder. One that hardly ever was waits for us.
      if (this.#busy > WINDOW * 0.75) this.#rung = Math.min(this.#rung + 1, this.#ladder.length - 1)
      else if (this.#busy < WINDOW * 0.25) this.#rung = Math.max(this.#rung - 1, 0)
      this.#frames = 0
      this.#busy = 0
    }
    return this.#ladder[this.#rung] ?? 1
  }
}
