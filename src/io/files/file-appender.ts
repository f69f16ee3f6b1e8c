import { DIRECT_ALIGNMENT, alignUp, allocateSlots } from '../memory/aligned-memory.ts'
import type { DirectFile } from './direct-file.ts'

const SLOT_COUNT = 3
const SLOT_LENGTH = 1024 * 1024

/** Appends bytes to a file in large aligned writes, each while the bytes of the next are gathered. One `append` at a time. */
export class FileAppender {
  readonly #file: DirectFile
  readonly #start: number
  readonly #slots: readonly Uint8Array[] = allocateSlots(SLOT_COUNT, SLOT_LENGTH)
  /** The write of each slot; none rejects. */
  readonly #writes = new Map<number, Promise<void>>()
  #turn = 0
  #fill = 0
  #length = 0
  #failure: unknown

  /** `start` must be a multiple of 4096. */
  constructor(file: DirectFile, start: number) {
    this.#file = file
    this.#start = start
  }

  /** How many bytes were appended. */
  get length(): number {
    return this.#length
  }

  /** Appends a copy of `bytes`; waits while the disk is behind. @throws StorageError of this or an earlier write */
  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const turn = this.#turn % SLOT_COUNT
      await this.#writes.get(turn)
      if (this.#failure !== undefined) throw this.#failure
      const slot = this.#slots[turn] as Uint8Array
      const count = Math.min(slot.length - this.#fill, bytes.length - at)
      slot.set(bytes.subarray(at, at + count), this.#fill)
      this.#fill += count
      this.#length += count
      at += count
      if (this.#fill === slot.length) this.#send(turn)
    }
  }

  /** Writes the remaining bytes, padded with zeros to 4096, and waits for all writes. Returns the number of bytes appended. @throws StorageError */
  async flush(): Promise<number> {
    if (this.#fill > 0) this.#send(this.#turn % SLOT_COUNT)
    await this.idle()
    if (this.#failure !== undefined) throw this.#failure
    return this.#length
  }

  /** Waits until no write is pending, including failed ones. */
  async idle(): Promise<void> {
    await Promise.all(this.#writes.values())
  }

  #send(turn: number): void {
    const slot = this.#slots[turn] as Uint8Array
    const length = alignUp(this.#fill, DIRECT_ALIGNMENT)
    slot.fill(0, this.#fill, length)
    const offset = this.#start + this.#length - this.#fill
    const write = this.#file.write(slot.subarray(0, length), offset).catch((error: unknown) => {
      this.#failure ??= error
    })
    this.#writes.set(turn, write)
    this.#turn += 1
    this.#fill = 0
  }
}
