import type { DirectFile } from '../../io/files/direct-file.ts'

/** Neighbours are joined into writes of at most this length: a few long writes take far less processor time than many short ones. */
const MAX_WRITE_LENGTH = 4 * 1024 * 1024

/** More would wait for each other in the file system. */
const WRITES_AT_ONCE = 2

/** A second write begins only when this much waits: its processor time counts by the number of writes (notes/linux/direct-io.md). */
const GOOD_WRITE_LENGTH = 2 * 1024 * 1024

interface Piece {
  readonly bytes: Uint8Array
  readonly offset: number
  readonly written: PromiseWithResolvers<void>
}

/**
 * Writes pieces to their places. Pieces queue while the disk is busy; those that are neighbours in the file become one write, wherever they are in
 * memory.
 */
export class LinearWriter {
  readonly #file: DirectFile
  readonly #byStart = new Map<number, Piece>()
  readonly #byEnd = new Map<number, Piece>()
  readonly #idle: (() => void)[] = []
  #writing = 0
  /** Bytes that wait. */
  #waiting = 0
  #starts = false

  constructor(file: DirectFile) {
    this.#file = file
  }

  /** Whether the disk is slower than whoever brings the pieces. */
  get busy(): boolean {
    return this.#writing > 0 && this.#waiting > 0
  }

  /** Settles when `bytes` are written and may be reused. @throws StorageError */
  write(bytes: Uint8Array, offset: number): Promise<void> {
    const piece = { bytes, offset, written: Promise.withResolvers<void>() }
    this.#byStart.set(offset, piece)
    this.#byEnd.set(offset + bytes.length, piece)
    this.#waiting += bytes.length
    this.#next()
    return piece.written.promise
  }

  /** Waits until no write is pending, including failed ones. */
  async idle(): Promise<void> {
    if (this.#writing > 0 || this.#byStart.size > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #next(): void {
    while (
      this.#writing > 0 &&
      this.#writing < WRITES_AT_ONCE &&
      this.#waiting >= GOOD_WRITE_LENGTH
    )
      void this.#writeSome()
    if (this.#writing > 0) return
    if (this.#byStart.size > 0) this.#startSoon()
    else for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Neighbours that have already arrived come first. */
  #startSoon(): void {
    if (this.#starts) return
    this.#starts = true
    setImmediate(() => {
      this.#starts = false
      if (this.#writing === 0 && this.#byStart.size > 0) void this.#writeSome()
      this.#next()
    })
  }

  async #writeSome(): Promise<void> {
    const pieces = this.#takeNeighbours()
    this.#writing += 1
    try {
      await this.#file.writeAll(
        pieces.map(({ bytes }) => bytes),
        pieces[0]?.offset ?? 0,
      )
      for (const { written } of pieces) written.resolve()
    } catch (error) {
      for (const { written } of pieces) written.reject(error)
    } finally {
      this.#writing -= 1
      this.#next()
    }
  }

  /** The piece that has waited longest, and its neighbours on both sides. */
  #takeNeighbours(): readonly Piece[] {
    const [first] = this.#byStart.values()
    if (first === undefined) return []
    const pieces = [this.#take(first)]
    let start = first.offset
    let end = first.offset + first.bytes.length
    for (;;) {
      const after = this.#byStart.get(end)
      if (after === undefined || end + after.bytes.length - start > MAX_WRITE_LENGTH) break
      pieces.push(this.#take(after))
      end += after.bytes.length
    }
    for (;;) {
      const before = this.#byEnd.get(start)
      if (before === undefined || end - before.offset > MAX_WRITE_LENGTH) break
      pieces.unshift(this.#take(before))
      start = before.offset
    }
    return pieces
  }

  #take(piece: Piece): Piece {
    this.#byStart.delete(piece.offset)
    this.#byEnd.delete(piece.offset + piece.bytes.length)
    this.#waiting -= piece.bytes.length
    return piece
  }
}
