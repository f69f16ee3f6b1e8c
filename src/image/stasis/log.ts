import { DIRECT_ALIGNMENT, alignUp, allocateSlots } from '../../io/memory/aligned-memory.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'

const BUFFER_LENGTH = 2 * 1024 * 1024
const BUFFER_COUNT = 8

/** A buffer that is being filled, and the callbacks that wait for the offset of their piece. */
interface OpenBuffer {
  readonly memory: Uint8Array
  used: number
  readonly pieces: { readonly at: number; readonly placed: (offset: number) => void }[]
}

/**
 * The end of a file that many append to. Pieces are packed into large aligned buffers, so that the disk receives few large direct writes whatever the
 * size of the pieces. Pieces of one alignment share buffers, so that whole pages lose nothing between compressed pieces. `append` waits when the disk
 * is slower than its callers.
 */
export class FrameLog {
  readonly #file: DirectFile
  readonly #free: Uint8Array[] = [...allocateSlots(BUFFER_COUNT, BUFFER_LENGTH)]
  readonly #writes = new Set<Promise<void>>()
  readonly #open = new Map<number, OpenBuffer>()
  #end: number
  #failure: unknown
  #waiting: (() => void)[] = []

  /** `start` must be a multiple of 4096. */
  constructor(file: DirectFile, start: number) {
    this.#file = file
    this.#end = start
  }

  /** Whether all buffers are being written: the disk is slower than the callers of `append`. */
  get full(): boolean {
    return this.#free.length === 0
  }

  /**
   * Appends a copy of `bytes` (at most 2 MiB) at a multiple of `alignment`; settles when they are copied. Calls `placed` with the offset in the file
   * once it is known, at the latest during `flush()`.
   * @throws StorageError of an earlier write
   */
  async append(
    bytes: Uint8Array,
    alignment: number,
    placed: (offset: number) => void,
  ): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const buffer = this.#open.get(alignment)
      const at = alignUp(buffer?.used ?? 0, alignment)
      if (buffer !== undefined && at + bytes.length <= BUFFER_LENGTH) {
        buffer.memory.fill(0, buffer.used, at)
        buffer.memory.set(bytes, at)
        buffer.used = at + bytes.length
        buffer.pieces.push({ at, placed })
        return
      }
      if (buffer !== undefined) this.#send(alignment, buffer)
      const memory = this.#free.pop()
      if (memory !== undefined) this.#open.set(alignment, { memory, used: 0, pieces: [] })
      else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Reserves a place at the end, for a piece that its caller writes; `length` must be a multiple of 4096. Returns its offset. */
  reserve(length: number): number {
    const offset = this.#end
    this.#end += length
    return offset
  }

  /** Writes the remaining buffers and waits for all writes. Returns the offset after the last one, a multiple of 4096. @throws StorageError */
  async flush(): Promise<number> {
    for (const [alignment, buffer] of this.#open) this.#send(alignment, buffer)
    await this.idle()
    if (this.#failure !== undefined) throw this.#failure
    return this.#end
  }

  /** Waits until no write is pending, including failed ones. */
  async idle(): Promise<void> {
    while (this.#writes.size > 0) await Promise.allSettled(this.#writes)
  }

  #send(alignment: number, { memory, used, pieces }: OpenBuffer): void {
    this.#open.delete(alignment)
    const length = alignUp(used, DIRECT_ALIGNMENT)
    memory.fill(0, used, length)
    const offset = this.#end
    this.#end += length
    for (const { at, placed } of pieces) placed(offset + at)
    const write = this.#file
      .write(memory.subarray(0, length), offset)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .then(() => {
        this.#writes.delete(write)
        this.#free.push(memory)
        for (const resume of this.#waiting.splice(0)) resume()
      })
    this.#writes.add(write)
  }
}
