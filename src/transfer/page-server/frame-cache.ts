import type { PageStore } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'

/** How urgently a frame is needed: the guest waits for it, or will soon. */
export type Urgency = 'now' | 'soon'

/**
 * Decompressed frames of an image; keeps the most recently used. A few readers read them, each frame only once at a time. Frames that the guest waits
 * for go ahead of those that are read in advance.
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

  /** `readers` is how many reader numbers of the store are used, from 0. */
  constructor(
    pages: PageStore,
    options: { readonly readers: number; readonly capacityBytes: number },
  ) {
    this.#pages = pages
    this.#capacityBytes = options.capacityBytes
    this.#freeReaders = Array.from({ length: options.readers }, (_, reader) => reader)
  }

  /** The pages of a frame. @throws ImageError, StorageError, again for each caller */
  get(frame: number, urgency: Urgency): Promise<Uint8Array> {
    const kept = this.#frames.get(frame)
    if (kept !== undefined) {
      // The most recently used is the last.
      this.#frames.delete(frame)
      this.#frames.set(frame, kept)
      return kept
    }
    const read = this.#read(frame, urgency)
    // A read in advance has no caller that waits for it.
    read.catch(() => undefined)
    this.#frames.set(frame, read)
    this.#bytes += this.#length(frame)
    this.#evict(frame)
    return read
  }

  /** Starts to read a frame; `get` reports any error. */
  fetch(frame: number, urgency: Urgency): void {
    void this.get(frame, urgency).catch(() => undefined)
  }

  async #read(frame: number, urgency: Urgency): Promise<Uint8Array> {
    const reader = await this.#takeReader(urgency)
    try {
      const target = Buffer.allocUnsafeSlow(this.#length(frame))
      const bytes = await this.#pages.read(frame, reader, target)
      // A frame that was not compressed is in memory that the reader reuses.
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
