/** Things that each have one user at a time. Callers that find none free wait, first come, first served. */
export class Pool<T> {
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

  /** Takes all of them away once none is in use. */
  async takeAll(): Promise<readonly T[]> {
    return Promise.all(this.#all.map(() => this.#take()))
  }

  #take(): Promise<T> {
    const thing = this.#free.pop()
    if (thing !== undefined) return Promise.resolve(thing)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/** Lets `count` acts run at the same time; the others wait, first come, first served. */
export class Semaphore {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Runs `act` when its turn has come. */
  async take<T>(act: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await act()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
