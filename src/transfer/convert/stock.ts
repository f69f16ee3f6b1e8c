/** Things of which each has one user at a time. Who finds none waits, first come, first served. */
export class Stock<T> {
  readonly #all: readonly T[]
  readonly #free: T[]
  readonly #waiting: ((thing: T) => void)[] = []

  constructor(all: readonly T[]) {
    this.#all = all
    this.#free = [...all]
  }

  /** Runs `act` with one of them. */
  async use<R>(act: (thing: T) => Promise<R>): Promise<R> {
    const thing = await this.#take()
    try {
      return await act(thing)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(thing)
      else next(thing)
    }
  }

  /** Takes all of them away, once nobody uses them. */
  async takeAll(): Promise<readonly T[]> {
    return Promise.all(this.#all.map(() => this.#take()))
  }

  #take(): Promise<T> {
    const thing = this.#free.pop()
    if (thing !== undefined) return Promise.resolve(thing)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
