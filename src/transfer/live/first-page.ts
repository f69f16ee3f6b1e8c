import { MainStreamParser } from '../../wire/main-stream.ts'

/** The most that is parsed at once: what follows the first page is not for this. */
const AT_ONCE = 16 * 1024

/** Finds the first page in the stream of a background snapshot, and does nothing else: a guest that is stopped waits for it. */
export class FirstPage {
  #hasCome = false
  readonly #parser = new MainStreamParser(
    {
      blocks: () => undefined,
      zeroPages: () => {
        this.#hasCome = true
      },
      page: () => {
        this.#hasCome = true
      },
    },
    { hasOpenRam: true },
  )

  get hasCome(): boolean {
    return this.#hasCome
  }

  /** Returns whether the first page is in the stream up to the end of this piece. @throws WireError */
  feed(piece: Uint8Array): boolean {
    for (let at = 0; at < piece.length && !this.#hasCome; at += AT_ONCE)
      this.#parser.feed(piece.subarray(at, at + AT_ONCE))
    return this.#hasCome
  }
}
