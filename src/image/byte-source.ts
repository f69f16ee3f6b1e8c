/** Bytes that arrive in pieces and are read in pieces of other lengths. */
export class ByteSource implements AsyncDisposable {
  readonly #pieces: AsyncIterator<Uint8Array>
  #piece: Uint8Array = new Uint8Array(0)
  #taken = 0

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** Number of bytes read so far. */
  get taken(): number {
    return this.#taken
  }

  /** Copies up to `target.length` bytes; returns how many there were before the end. */
  async fill(target: Uint8Array): Promise<number> {
    let done = 0
    while (done < target.length) {
      const part = await this.next(target.length - done)
      if (part === undefined) break
      target.set(part, done)
      done += part.length
    }
    return done
  }

  /** The next bytes, at most `most`, without copying: they are valid until more are requested. `undefined` at the end. */
  async next(most: number): Promise<Uint8Array | undefined> {
    while (this.#piece.length === 0) {
      const next = await this.#pieces.next()
      if (next.done === true) return undefined
      this.#piece = next.value
    }
    const part = this.#piece.subarray(0, most)
    this.#piece = this.#piece.subarray(part.length)
    this.#taken += part.length
    return part
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pieces.return?.()
  }
}
