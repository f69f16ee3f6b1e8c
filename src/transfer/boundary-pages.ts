import { crc32c } from '../io/crc32c.ts'

/** Packets arrive out of order by at most the content of the sockets. */
const REMEMBERED = 8192

/**
 * Remembers the checksums of the outermost pages of recent packets. QEMU before 8.0 can queue the page that fills a packet a second time, as the
 * first of the next one (notes/qemu/multifd.md). Since the guest is stopped, both copies are equal, and this verifies it.
 */
export class BoundaryPages {
  readonly #checksums = new Map<string, number>()

  /** Whether exactly this content was recorded for the page. */
  matches(block: number, page: number, bytes: Uint8Array): boolean {
    return this.#checksums.get(`${block}:${page}`) === crc32c(bytes)
  }

  remember(block: number, page: number, bytes: Uint8Array): void {
    this.#checksums.set(`${block}:${page}`, crc32c(bytes))
    if (this.#checksums.size <= REMEMBERED) return
    const oldest = this.#checksums.keys().next()
    if (oldest.done !== true) this.#checksums.delete(oldest.value)
  }
}
