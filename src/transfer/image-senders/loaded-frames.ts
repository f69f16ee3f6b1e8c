import type { PageStore } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { MemoryMap, type MemoryShown } from '../memory-map.ts'

/** A restore that takes less time than this is not drawn, so its frames need not be counted. */
const FROM_MS = 200

/** The frames of an image that were loaded, for a picture of the memory. */
export class LoadedFrames {
  readonly #pages: PageStore
  readonly #startMs = performance.now()
  readonly #loaded: Iterable<number>[] = []
  #map: MemoryMap | undefined

  constructor(pages: PageStore) {
    this.#pages = pages
  }

  add(frames: Iterable<number>): void {
    this.#loaded.push(frames)
  }

  /** Which memory is loaded; `undefined` at first. */
  shown(): MemoryShown | undefined {
    if (performance.now() - this.#startMs < FROM_MS) return undefined
    const map = (this.#map ??= this.#begin())
    for (const frames of this.#loaded.splice(0)) for (const frame of frames) this.#count(map, frame)
    return map.shown()
  }

  /** Pages without a frame are zero, and there from the beginning. */
  #begin(): MemoryMap {
    const { blocks, frameCount } = this.#pages
    const map = new MemoryMap(blocks.map(({ length }) => length))
    for (const [block, { length }] of blocks.entries())
      map.count(block, 0, Math.ceil(length / PAGE_SIZE), 'zero')
    for (let frame = 0; frame < frameCount; frame += 1) {
      const { block, firstPage, pageCount } = this.#pages.range(frame)
      map.count(block, firstPage, pageCount, 'zero', -1)
    }
    return map
  }

  #count(map: MemoryMap, frame: number): void {
    const { block, firstPage, pageCount } = this.#pages.range(frame)
    const isRaw = this.#pages.storedLength(frame) >= pageCount * PAGE_SIZE
    map.count(block, firstPage, pageCount, isRaw ? 'raw' : 'compressed')
  }
}
