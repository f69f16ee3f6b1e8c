import { PAGE_SIZE, type PageStore } from '../../image/saved-machine.ts'

/** How a frame is wanted: somebody waits for it, or will soon. */
export type Urgency = 'now' | 'soon'

/**
 * Frames of an image as they were decompressed, the latest used kept. Each is read once at a time, by one of a few readers; frames
 * that somebody waits for go ahead of those that are read in advance.
 */
export class FrameCache {
  readonly #pages: PageStore
  readonly #capacityBytes: number
  readonly #frames = new Map<number, Promise<Uint8Array>>()
  readonly #freeReaders: number[]
  readonly #waiting: { readonly now: (() => void)[]; readonly soon: (() => void)[] } = {
    now: [],
    soon: [],
  }
  #bytes = 0

  /** `readers` counts the reader numbers of the store that are used, from 0. */
  constructor(
    pages: PageStore,
    options: { readonly readers: number; readonly capacityBytes: number },
  ) {
    this.#pages = pages
    this.#capacityBytes = options.capacityBytes
    this.#freeReaders = Array.from({ length: options.readers }, (_, reader) => reader)
  }

  /** The pages of a frame. @throws ImageError, StorageError, and again for each who asks */
  get(frame: number, urgency: Urgency): Promise<Uint8Array> {
    const kept = this.#frames.get(frame)
    if (kept !== undefined) {
      // The latest used is the last.
      this.#frames.delete(frame)
      this.#frames.set(frame, kept)
      return kept
    }
    const read = this.#read(frame, urgency)
    // Whoever reads in advance waits for nobody.
    read.catch(() => undefined)
    this.#frames.set(frame, read)
    this.#bytes += this.#length(frame)
    this.#evict(frame)
    return read
  }

  /** Begins to read a frame; what goes wrong is told to who gets it. */
  fetch(frame: number, urgency: Urgency): void {
    void this.get(frame, urgency).catch(() => undefined)
  }

  async #read(frame: number, urgency: Urgency): Promise<Uint8Array> {
    const reader = await this.#takeReader(urgency)
    try {
      const target = Buffer.allocUnsafeSlow(this.#length(frame))
      const bytes = await this.#pages.read(frame, reader, target)
      // What was not decompressed lies in memory that the reader uses again.
      if (bytes.buffer !== target.buffer) target.set(bytes)
      return target
    } finally {
      this.#freeReaders.push(reader)
      const next = this.#waiting.now.shift() ?? this.#waiting.soon.shift()
      next?.()
    }
  }

  async #takeReader(urgency: Urgency): Promise<number> {
    for (;;) {
      const reader = this.#freeReaders.pop()
      if (reader !== undefined) return reader
      await new Promise<void>((resolve) => this.#waiting[urgency].push(resolve))
    }
  }

  #length(frame: number): number {
    return this.#pages.range(frame).pageCount * PAGE_SIZE
  }

  #evict(kept: number): void {
    for (const frame of this.#frames.keys()) {
      if (this.#bytes <= this.#capacityBytes) return
      if (frame === kept) continue
      this.#frames.delete(frame)
      this.#bytes -= this.#length(frame)
    }
  }
}
