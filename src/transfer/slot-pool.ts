import { allocateSlots } from '../io/aligned-memory.ts'

/** Aligned pieces of memory that receivers fill and writers empty. Who finds none waits for `onFree`. */
export class SlotPool {
  readonly slotLength: number
  readonly #free: Uint8Array<ArrayBuffer>[]
  readonly #waiting: (() => void)[] = []

  constructor(count: number, slotLength: number) {
    this.slotLength = slotLength
    this.#free = [...allocateSlots(count, slotLength)]
  }

  /** A free slot, if there is one. Its bytes are whatever they were. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    return this.#free.pop()
  }

  /** Calls `resume` once, when a slot has become free; it may find it taken again. */
  onFree(resume: () => void): void {
    this.#waiting.push(resume)
  }

  /** Gives a slot back. */
  release(slot: Uint8Array<ArrayBuffer>): void {
    this.#free.push(slot)
    this.#waiting.shift()?.()
  }
}
