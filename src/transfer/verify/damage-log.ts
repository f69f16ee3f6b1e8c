import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { PageBitmap } from '../page-bitmap.ts'
import type { DamageReport, MemoryDamage, PartDamage } from './damage.ts'

/** The most ranges of pages, and other parts, that are kept one by one. */
const KEPT = 1000

/** Gathers the damage that a reading finds. A range that continues the one before it extends that one. */
export class DamageLog {
  readonly #parts: PartDamage[] = []
  readonly #memory: MemoryDamage[] = []
  #last: MemoryDamage | undefined
  #rangeCount = 0
  #damaged: readonly PageBitmap[] = []
  #suspect: readonly PageBitmap[] = []

  /** Comes before any page. */
  begin(blocks: readonly AnnouncedBlock[]): void {
    const bitmaps = (): readonly PageBitmap[] =>
      blocks.map(({ length }) => new PageBitmap(Math.ceil(length / PAGE_SIZE)))
    this.#damaged = bitmaps()
    this.#suspect = bitmaps()
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0 && this.#rangeCount === 0
  }

  part(damage: PartDamage): void {
    if (this.#parts.length < KEPT) this.#parts.push(damage)
  }

  memory(damage: MemoryDamage): void {
    const bitmaps = damage.kind === 'suspect' ? this.#suspect : this.#damaged
    bitmaps[damage.block]?.mark(damage.firstPage, damage.pageCount)
    const joined = this.#last === undefined ? undefined : join(this.#last, damage)
    if (joined === undefined) {
      this.#rangeCount += 1
      if (this.#rangeCount <= KEPT) this.#memory.push(damage)
    } else if (this.#rangeCount <= KEPT) {
      this.#memory[this.#memory.length - 1] = joined
    }
    this.#last = joined ?? damage
  }

  report(): DamageReport {
    return {
      parts: this.#parts,
      memory: this.#memory,
      rangeCount: this.#rangeCount,
      damaged: this.#damaged.map((pages) => Float64Array.from(pages.runs())),
      suspect: this.#suspect.map((pages) => Float64Array.from(pages.runs())),
    }
  }
}

/** Two ranges as one, if the second continues the first, and is damaged and stored alike. */
function join(first: MemoryDamage, second: MemoryDamage): MemoryDamage | undefined {
  const isAlike =
    first.kind === second.kind &&
    first.block === second.block &&
    first.storedAs === second.storedAs &&
    first.file === second.file &&
    first.channel === second.channel
  if (!isAlike || first.firstPage + first.pageCount !== second.firstPage) return undefined
  const pageCount = first.pageCount + second.pageCount
  if (first.offset === undefined || first.length === undefined) return { ...first, pageCount }
  if (second.offset === undefined || second.length === undefined) return undefined
  // Frames of one range may have a few bytes between them; frames elsewhere in the file are another range.
  const gap = second.offset - first.offset - first.length
  if (gap < 0 || gap >= PAGE_SIZE) return undefined
  return { ...first, pageCount, length: second.offset + second.length - first.offset }
}
