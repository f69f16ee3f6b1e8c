import type { Ledger } from './ledger.ts'

/** When a guest fell silent, and when it wrote again, in milliseconds. */
export interface Silence {
  readonly from: number
  readonly until: number
}

/** When a guest printed, to 20 ms, as long as its scope lasts. */
export class Timeline implements Disposable {
  readonly #timer: NodeJS.Timeout
  readonly #times: number[] = []

  constructor(guest: Ledger) {
    let size = guest.printed()
    this.#timer = setInterval(() => {
      const now = guest.printed()
      if (now !== size) this.#times.push(Date.now())
      size = now
    }, 20)
  }

  /** The longest silence after a time. It ends with the last print, if the guest has not written since. */
  longestSilence(since: number): Silence {
    const times = [since, ...this.#times.filter((time) => time > since)]
    return times
      .slice(1)
      .map((until, index) => ({ from: times[index] ?? since, until }))
      .reduce((a, b) => (b.until - b.from > a.until - a.from ? b : a), {
        from: since,
        until: since,
      })
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
