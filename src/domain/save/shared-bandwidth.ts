import { UsageError } from '../../errors.ts'

/** What one of those who share a rate may use of it. */
export interface BandwidthPart extends Disposable {
  /** Now; `join` is told of every change. */
  readonly bytesPerSecond: number
}

/** A rate that several transfers share: each gets the same part, a larger one when another ends, a smaller one when another begins. */
export class SharedBandwidth {
  readonly #bytesPerSecond: number
  readonly #members = new Set<(bytesPerSecond: number) => void>()

  /** @throws UsageError BAD_ARGUMENT when it is no whole number of bytes per second */
  constructor(bytesPerSecond: number) {
    if (!Number.isSafeInteger(bytesPerSecond) || bytesPerSecond < 1) {
      throw new UsageError(
        'BAD_ARGUMENT',
        `${bytesPerSecond} is no bandwidth: it must be a whole number of bytes per second`,
      )
    }
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Takes part from now on until the part is disposed; `onChange` is told what it may use from then on. */
  join(onChange: (bytesPerSecond: number) => void): BandwidthPart {
    this.#tell((count) => count + 1)
    this.#members.add(onChange)
    const each = (): number => this.#each(this.#members.size)
    return {
      get bytesPerSecond(): number {
        return each()
      },
      [Symbol.dispose]: () => {
        if (!this.#members.delete(onChange)) return
        this.#tell((count) => count)
      },
    }
  }

  #tell(count: (present: number) => number): void {
    const each = this.#each(count(this.#members.size))
    for (const member of this.#members) member(each)
  }

  #each(count: number): number {
    return Math.max(1, Math.floor(this.#bytesPerSecond / Math.max(1, count)))
  }
}
