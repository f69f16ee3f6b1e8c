/** Pages sent for each that is asked for, itself included: fewer cost more faults, more keep others waiting. */
const LEAST = 16

/** So many for one who reads on and on: a frame of an image. */
const MOST = 256

/** Readers that are told apart: processors of the guest and threads of its devices. */
const READERS = 8

/** How many pages to send to one who asks for a page: more and more to who asks for what follows the last answer. */
export class AnswerSize {
  readonly #ends: { readonly block: number; readonly page: number; readonly size: number }[] = []

  next(block: number, page: number): number {
    // What follows may have been sent in part already, so it need not be the very next page.
    const found = this.#ends.findIndex(
      (end) => end.block === block && page >= end.page && page < end.page + 2 * end.size,
    )
    const [before] = found < 0 ? [] : this.#ends.splice(found, 1)
    const size = before === undefined ? LEAST : Math.min(2 * before.size, MOST)
    this.#ends.unshift({ block, page: page + size, size })
    if (this.#ends.length > READERS) this.#ends.pop()
    return size
  }
}
