import { DIRECT_ALIGNMENT, alignDown, alignUp, allocateAligned } from '../../io/aligned-memory.ts'
import type { DirectFile } from '../../io/direct-file.ts'

/** Of one frame, mostly; who fetches a group needs more. */
const LEAST_LENGTH = 128 * 1024

/** One reader's view of a piece of a file, in memory that direct reads can fill. */
export class FileWindow {
  readonly #file: DirectFile
  #memory: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0

  constructor(file: DirectFile) {
    this.#file = file
  }

  /** Makes the view cover `start` to `end`, by one read unless it does already. @throws StorageError */
  async show(start: number, end: number): Promise<void> {
    if (start >= this.#start && end <= this.#end) return
    const from = alignDown(start, DIRECT_ALIGNMENT)
    const length = alignUp(end, DIRECT_ALIGNMENT) - from
    if (length > this.#memory.length) this.#memory = allocateAligned(Math.max(length, LEAST_LENGTH))
    // Nothing is covered while the read is under way, nor when it fails.
    this.#end = 0
    const found = await this.#file.read(this.#memory.subarray(0, length), from)
    this.#start = from
    this.#end = from + found
  }

  /** The bytes from `start` to `end` of what was shown; fewer when the file ends before. */
  bytes(start: number, end: number): Uint8Array {
    const last = Math.max(start, Math.min(end, this.#end))
    return this.#memory.subarray(start - this.#start, last - this.#start)
  }
}
