/** How much was written, and for how long at least one write was under way. Their quotient is the speed of the disk, also if it accepts writes in bursts. */
export class BusyTime {
  #bytes = 0
  #ms = 0
  #pending = 0
  #since = 0

  /** Bytes of all writes that have ended. */
  get bytes(): number {
    return this.#bytes
  }

  /** Milliseconds during which a write was under way, so far. */
  get ms(): number {
    return this.#ms + (this.#pending > 0 ? performance.now() - this.#since : 0)
  }

  /** Waits for a write of that many bytes. */
  async during<T>(bytes: number, write: Promise<T>): Promise<T> {
    if (this.#pending === 0) this.#since = performance.now()
    this.#pending += 1
    try {
      return await write
    } finally {
      this.#bytes += bytes
      this.#pending -= 1
      if (this.#pending === 0) this.#ms += performance.now() - this.#since
    }
  }
}
