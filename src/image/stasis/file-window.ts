import {
  DIRECT_ALIGNMENT,
  alignDown,
  alignUp,
  allocateAligned,
} from '../../io/memory/aligned-memory.ts'
import { CHUNK_LENGTH } from '../digest/layout.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'

/** Usually of one frame; fetching a group needs more. */
const LEAST_LENGTH = 128 * 1024

/** Sees bytes of a file and their offset. */
export type WindowCheck = (bytes: Uint8Array, offset: number) => void

/** One reader's view of a part of a file, in memory that direct reads can fill. */
export class FileWindow {
  readonly #file: DirectFile
  readonly #check: WindowCheck | undefined
  #memory: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0

  /** With `check`, everything that is shown is checked first, in whole chunks. */
  constructor(file: DirectFile, check?: WindowCheck) {
    this.#file = file
    this.#check = check
  }

  /** Makes the view cover `start` to `end`, with one read unless it already does. @throws StorageError */
  async show(start: number, end: number): Promise<void> {
    if (start >= this.#start && end <= this.#end) return
    const alignment = this.#check === undefined ? DIRECT_ALIGNMENT : CHUNK_LENGTH
    const from = alignDown(start, alignment)
    const length = alignUp(end, alignment) - from
    if (length > this.#memory.length) this.#memory = allocateAligned(Math.max(length, LEAST_LENGTH))
    // The view covers nothing while the read is pending or after it fails.
    this.#end = 0
    const found = await this.#file.read(this.#memory.subarray(0, length), from)
    this.#check?.(this.#memory.subarray(0, found), from)
    this.#start = from
    this.#end = from + found
  }

  /** The bytes from `start` to `end` of the shown part; fewer when the file ends before. */
  bytes(start: number, end: number): Uint8Array {
    const last = Math.max(start, Math.min(end, this.#end))
    return this.#memory.subarray(start - this.#start, last - this.#start)
  }
}
