import type { FrameTable } from './frame-table.ts'

/** Divides frames of a file, in their order there, into groups that span at most `length` bytes of it, or contain a single frame. */
export function* fileGroups(
  frames: FrameTable,
  chosen: Uint32Array,
  length: number,
): Generator<Uint32Array, void, undefined> {
  const offsets = Float64Array.from({ length: frames.count }, (_, at) => frames.offset(at))
  const order = chosen.toSorted((a, b) => (offsets[a] as number) - (offsets[b] as number))
  let first = 0
  for (let next = 1; next <= order.length; next += 1) {
    const start = offsets[order[first] as number] as number
    const frame = order[next]
    if (frame !== undefined && frames.offset(frame) + frames.storedLength(frame) - start <= length)
      continue
    yield order.subarray(first, next)
    first = next
  }
}
