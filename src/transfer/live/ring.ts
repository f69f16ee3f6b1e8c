/** Bytes of a ring, by their position in all that ever went through it. */
export interface RingSpan {
  readonly from: number
  readonly to: number
}

/** The writing end of a ring of bytes. Positions count all bytes since the beginning; `position % length` is the place in the ring. */
export class Ring {
  readonly length: number
  #head = 0

  constructor(length: number) {
    this.length = length
  }

  /** Bytes that fit, before the end of what was read: `tail`. */
  free(tail: number): number {
    return this.length - (this.#head - tail)
  }

  /** The next place, and how many bytes fit there in one piece. */
  place(tail: number): { readonly at: number; readonly length: number } {
    const at = this.length === 0 ? 0 : this.#head % this.length
    return { at, length: Math.min(this.free(tail), this.length - at) }
  }

  /** Takes the bytes that were written to the next place. */
  take(count: number): RingSpan {
    const from = this.#head
    this.#head += count
    return { from, to: this.#head }
  }

  /**
   * Moves an empty ring to its beginning, so that a reader that keeps up makes it use little memory. Returns the new end of what was read;
   * `undefined` if the ring is not empty or already there.
   */
  restart(tail: number): number | undefined {
    if (this.#head !== tail || this.length === 0 || this.#head % this.length === 0) return undefined
    this.#head = Math.ceil(this.#head / this.length) * this.length
    return this.#head
  }
}
