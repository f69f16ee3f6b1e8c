import { DIRECT_ALIGNMENT, alignUp, allocateSlots } from '../../io/aligned-memory.ts'
import type { DirectFile } from '../../io/direct-file.ts'

const BUFFER_LENGTH = 2 * 1024 * 1024
const BUFFER_COUNT = 6

/**
 * The end of a file that many append to. Pieces are packed into large aligned buffers, so that the disk sees few large direct
 * writes whatever the size of the pieces. Who appends faster than the disk writes is made to wait.
 */
export class FrameLog {
  readonly #file: DirectFile
  readonly #free: Uint8Array[] = [...allocateSlots(BUFFER_COUNT, BUFFER_LENGTH)]
  readonly #writes = new Set<Promise<void>>()
  #current: Uint8Array | undefined
  #base: number
  #used = 0
  #failure: unknown
  #waiting: (() => void)[] = []

  /** `start` is a multiple of 4096. */
  constructor(file: DirectFile, start: number) {
    this.#file = file
    this.#base = start
  }

  /** Whether all buffers are on their way to the disk: the disk is slower than those who append. */
  get full(): boolean {
    return this.#free.length === 0
  }

  /**
   * Appends a copy of `bytes` (at most 2 MiB) on a multiple of `alignment` and gives its offset in the file.
   * @throws StorageError of this or an earlier write
   */
  async append(bytes: Uint8Array, alignment: number): Promise<number> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#current !== undefined) {
        const at = alignUp(this.#used, alignment)
        if (at + bytes.length <= BUFFER_LENGTH) {
          this.#current.fill(0, this.#used, at)
          this.#current.set(bytes, at)
          this.#used = at + bytes.length
          return this.#base + at
        }
        this.#send()
      }
      this.#current = this.#free.pop()
      if (this.#current === undefined)
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Writes what is left and waits for all writes. Gives the offset behind the last, a multiple of 4096. @throws StorageError */
  async flush(): Promise<number> {
    if (this.#current !== undefined) this.#send()
    await this.settle()
    if (this.#failure !== undefined) throw this.#failure
    return this.#base
  }

  /** Waits until no write is under way, whatever became of it. */
  async settle(): Promise<void> {
    while (this.#writes.size > 0) await Promise.allSettled(this.#writes)
  }

  #send(): void {
    const buffer = this.#current as Uint8Array
    const length = alignUp(this.#used, DIRECT_ALIGNMENT)
    buffer.fill(0, this.#used, length)
    const write = this.#file
      .write(buffer.subarray(0, length), this.#base)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .then(() => {
        this.#writes.delete(write)
        this.#free.push(buffer)
        const waiting = this.#waiting
        this.#waiting = []
        for (const resume of waiting) resume()
      })
    this.#writes.add(write)
    this.#base += length
    this.#used = 0
    this.#current = undefined
  }
}
