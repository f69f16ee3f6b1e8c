import type { FrameTable } from '../../image/stasis/frame-table.ts'
import type { QueuedReads } from '../../io/files/queued-reads.ts'
import { FrameUnpacker, inFileOrder } from '../frame-unpacker.ts'
import { type LoadPlan, NEXT } from './load-job.ts'

/** How many groups the disk reads while one is decompressed and written: each takes memory. */
const GROUPS_AHEAD = 1

/** A group of a plan, with its frames. They are valid until the next group is taken. */
export interface ReadGroup {
  readonly group: number
  /** Positions of its frames. */
  readonly wanted: Uint32Array
  readonly unpacker: FrameUnpacker
}

/** The groups of a plan that one thread takes. With a queue, the disk reads the next ones meanwhile. */
export class GroupsAhead {
  readonly #plan: LoadPlan
  readonly #frames: FrameTable
  /** Groups that are being read. */
  readonly #begun: ReadGroup[] = []
  /** The unpackers of no group. */
  readonly #free: FrameUnpacker[]
  #last: ReadGroup | undefined

  constructor(plan: LoadPlan, frames: FrameTable, queue: QueuedReads | undefined) {
    this.#plan = plan
    this.#frames = frames
    const count = queue === undefined ? 1 : 1 + GROUPS_AHEAD
    this.#free = Array.from({ length: count }, () => new FrameUnpacker(plan.image, queue))
  }

  /** Takes a group and waits until it was read; `undefined` after the last. Throws Node's error, or SystemCallError. */
  next(): ReadGroup | undefined {
    if (this.#last !== undefined) this.#free.push(this.#last.unpacker)
    for (let begun; (begun = this.#begin()) !== undefined;) this.#begun.push(begun)
    this.#last = this.#begun.shift()
    this.#last?.unpacker.finish()
    return this.#last
  }

  #begin(): ReadGroup | undefined {
    const { control, order, starts } = this.#plan
    const unpacker = this.#free.at(-1)
    if (unpacker === undefined) return undefined
    const group = Atomics.add(control, NEXT, 1)
    if (group >= starts.length - 1) return undefined
    this.#free.pop()
    const wanted = order.subarray(starts[group], starts[group + 1])
    unpacker.begin(this.#frames, inFileOrder(this.#frames, wanted))
    return { group, wanted, unpacker }
  }
}
