/** Words: the end of what was read from each ring, whether everything is discarded, and whether the sender must not wait. */
const WORD = { memory: 0, spool: 1, discarding: 2, hurried: 3 } as const

/** The state that the taking thread shares with the thread that reads. */
export class IntakeState {
  readonly memory: SharedArrayBuffer
  readonly #words: BigInt64Array

  /** Uses the `memory` of an instance on another thread, or new memory. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4 * 8)) {
    this.memory = memory
    this.#words = new BigInt64Array(memory)
  }

  /** The end of what was read from a ring. */
  tail(ring: 'memory' | 'spool'): number {
    return Number(Atomics.load(this.#words, WORD[ring]))
  }

  setTail(ring: 'memory' | 'spool', tail: number): void {
    Atomics.store(this.#words, WORD[ring], BigInt(tail))
  }

  /** Whether incoming data is only received and discarded. */
  get discarding(): boolean {
    return Atomics.load(this.#words, WORD.discarding) !== 0n
  }

  /** Whether the sender shall wait only if all space is full. */
  get hurried(): boolean {
    return Atomics.load(this.#words, WORD.hurried) !== 0n
  }

  hurry(): void {
    Atomics.store(this.#words, WORD.hurried, 1n)
  }

  discard(): void {
    Atomics.store(this.#words, WORD.discarding, 1n)
  }
}
