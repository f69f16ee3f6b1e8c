import type { FrameCodec } from '../image/stasis/frame-codec.ts'
import { CODECS } from '../io/codecs/codec-table.ts'
import type { CompressionLevel } from './image-receiver.ts'

/** Which side of a save or a conversion waits for the other right now. */
export interface Balance {
  /** The disk has more to write than it can take. */
  readonly diskIsBusy: boolean
  /** The source of the pages is slower than those who compress them. */
  readonly sourceIsSlow: boolean
}

/** Chooses how the next pages are compressed. */
export interface LevelChooser {
  /** A level of the codec; `undefined` stores the pages as they are. */
  next(balance: Balance): number | undefined
}

/** Pieces of memory between two adjustments. */
const WINDOW = 32

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
  #diskBusy = 0
  #sourceSlow = 0
  /** The part of a piece that the share still owes to compression. */
  #owed = 0

  constructor(ladder: readonly number[], shares: readonly number[]) {
    this.#ladder = ladder
    this.#shares = shares
    this.#rung = shares.length
  }

  next({ diskIsBusy, sourceIsSlow }: Balance): number | undefined {
    this.#pieces += 1
    if (diskIsBusy) this.#diskBusy += 1
    if (sourceIsSlow) this.#sourceSlow += 1
    if (this.#pieces === WINDOW) this.#adjust()
    const share = this.#shares[this.#rung]
    if (share === undefined) return this.#ladder[this.#rung - this.#shares.length]
    this.#owed += share
    if (this.#owed < 1) return undefined
    this.#owed -= 1
    return this.#ladder[0]
  }

  /** A disk that was busy most of the time leaves the processor idle. If it was hardly ever busy, it waits for the processor, unless both wait for the source. */
  #adjust(): void {
    const last = this.#shares.length + this.#ladder.length - 1
    if (this.#diskBusy > WINDOW * 0.75) this.#rung = Math.min(this.#rung + 1, last)
    else if (this.#diskBusy < WINDOW * 0.25 && this.#sourceSlow < WINDOW * 0.5)
      this.#rung = Math.max(this.#rung - 1, 0)
    this.#pieces = 0
    this.#diskBusy = 0
    this.#sourceSlow = 0
  }
}
