import { allocateSlots } from '../io/aligned-memory.ts'

/** Aligned pieces of memory that receivers fill and writers empty. Who finds none waits for `onFree`. */
export class SlotPool {
  readonly slotLength: number
  /** What all slots are cut from; threads may look into it. */
  readonly memory: SharedArrayBuffer
  readonly #free: Uint8Array[]
  readonly #waiting: (() => void)[] = []

  constructor(count: number, slotLength: number) {
    this.slotLength = slotLength
    const slots = allocateSlots(count, slotLength, { shared: true })
    this.memory = slots[0]?.buffer as SharedArrayBuffer
    this.#free = [...slots]
  }

  /** A free slot, if there is one. Its bytes are whatever they were. */
  take(): Uint8Array | undefined {
    return this.#free.pop()
  }

  /** Calls `resume` once, when a slot has become free; it may find it taken again. */
  onFree(resume: () => void): void {
    this.#waiting.push(resume)
  }

  /** Gives a slot back. */
  release(slot: Uint8Array): void {
    this.#free.push(slot)
    this.#waiting.shift()?.()
  }
}
