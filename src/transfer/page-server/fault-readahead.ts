/** Pages sent for each requested page, including it: fewer cost more faults, more delay other requests. */
const LEAST = 16

/** The most, for a reader that reads sequentially: a frame of an image. */
const MOST = 256

/** Readers that are distinguished: processors of the guest and threads of its devices. */
const READERS = 8

/** How many pages to send for a requested page. It doubles the reply each time a reader faults just past its previous reply. */
export class FaultReadahead {
  readonly #replies: { readonly block: number; readonly page: number; readonly size: number }[] = []

  next(block: number, page: number): number {
    // Some pages after the reply may have been sent before, so the request need not be for the very next page.
    const found = this.#replies.findIndex(
      (reply) => reply.block === block && page >= reply.page && page < reply.page + 2 * reply.size,
    )
    const [before] = found < 0 ? [] : this.#replies.splice(found, 1)
    const size = before === undefined ? LEAST : Math.min(2 * before.size, MOST)
    this.#replies.unshift({ block, page: page + size, size })
    if (this.#replies.length > READERS) this.#replies.pop()
    return size
  }
}
