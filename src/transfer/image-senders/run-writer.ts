import { writeMemorySync } from '../../io/memory/memory-file.ts'

/** The most pieces of one write: below IOV_MAX (Linux writev(2)). */
const MOST_PIECES = 512

/**
 * Writes pages to memory files. Pages that follow each other become one write: a file in huge pages clears what the first write to a huge page leaves
 * out.
 */
export class RunWriter {
  #file = -1
  #offset = 0
  #end = 0
  #pieces: Uint8Array[] = []

  /** Writes `bytes` now or later; they must not change before `flush`. Throws Node's error. */
  write(file: number, bytes: Uint8Array, offset: number): void {
    const follows = file === this.#file && offset === this.#end
    if (!follows || this.#pieces.length === MOST_PIECES) this.flush()
    if (this.#pieces.length === 0) {
      this.#file = file
      this.#offset = offset
    }
    this.#pieces.push(bytes)
    this.#end = offset + bytes.length
  }

  /** Writes what is left. Throws Node's error. */
  flush(): void {
    if (this.#pieces.length === 0) return
    const pieces = this.#pieces
    this.#pieces = []
    writeMemorySync(this.#file, pieces, this.#offset)
  }
}
