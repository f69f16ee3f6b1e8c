import { writeMemorySync } from '../../io/memory/memory-file.ts'

/**
 * Writes pages to memory files. Pages that follow each other, both where they are and where they go, become one write: a file in huge pages clears what
 * the first write to a huge page leaves out.
 */
export class RunWriter {
  #file = -1
  #bytes = new Uint8Array(0)
  #offset = 0

  /** Writes `bytes` now or later; they must not change before `flush`. Throws Node's error. */
  write(file: number, bytes: Uint8Array, offset: number): void {
    const { buffer, byteOffset, length } = this.#bytes
    const follows =
      length > 0 &&
      file === this.#file &&
      bytes.buffer === buffer &&
      bytes.byteOffset === byteOffset + length &&
      offset === this.#offset + length
    if (follows) {
      this.#bytes = new Uint8Array(buffer, byteOffset, length + bytes.length)
      return
    }
    this.flush()
    this.#file = file
    this.#bytes = new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)
    this.#offset = offset
  }

  /** Writes what is left. Throws Node's error. */
  flush(): void {
    const bytes = this.#bytes
    this.#bytes = new Uint8Array(0)
    if (bytes.length > 0) writeMemorySync(this.#file, bytes, this.#offset)
  }
}
