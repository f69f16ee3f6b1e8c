import { UsageError } from '../../errors.ts'

/** One participant's part of a shared rate. */
export interface BandwidthPart extends Disposable {
  /** The present value; the callback of `join` receives every change. */
  readonly bytesPerSecond: number
}

/**
 * A rate that several transfers share: all get the same part, a larger one when another ends, a smaller one when another begins.
 * @example
 * const maxBandwidth = new SharedBandwidth(500_000_000)
 * await Promise.all(
 *   ['web', 'db'].map((name) => saveDomain(name, `/backup/${name}.save`, { maxBandwidth })),
 * )
 */
export class SharedBandwidth {
  readonly #bytesPerSecond: number
  readonly #members = new Set<(bytesPerSecond: number) => void>()

  /** @throws UsageError BAD_ARGUMENT when it is not a whole number of bytes per second */
  constructor(bytesPerSecond: number) {
    if (!Number.isSafeInteger(bytesPerSecond) || bytesPerSecond < 1) {
      throw new UsageError(
        'BAD_ARGUMENT',
        `The bandwidth must be a whole number of bytes per second greater than 0, got ${bytesPerSecond}`,
      )
    }
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Takes part until the part is disposed; `onChange` receives the new value after each change. */
  join(onChange: (bytesPerSecond: number) => void): BandwidthPart {
    this.#report((count) => count + 1)
    this.#members.add(onChange)
    const each = (): number => this.#each(this.#members.size)
    return {
      get bytesPerSecond(): number {
        return each()
      },
      [Symbol.dispose]: () => {
        if (!this.#members.delete(onChange)) return
        this.#report((count) => count)
      },
    }
  }

  #report(count: (present: number) => number): void {
    const each = this.#each(count(this.#members.size))
    for (const member of this.#members) member(each)
  }

  #each(count: number): number {
    return Math.max(1, Math.floor(this.#bytesPerSecond / Math.max(1, count)))
  }
}
