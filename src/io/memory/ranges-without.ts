import type { AddressRange } from './foreign-memory.ts'

/** What `ranges` have and `taken` do not. Both are in order, and none overlaps another of its own. */
export function rangesWithout(
  ranges: readonly AddressRange[],
  taken: readonly AddressRange[],
): readonly AddressRange[] {
  const left: AddressRange[] = []
  let next = 0
  for (const { address, length } of ranges) {
    const end = address + length
    let from = address
    for (; from < end; next += 1) {
      const other = taken[next]
      if (other === undefined || other.address >= end) break
      if (other.address > from) left.push({ address: from, length: other.address - from })
      from = Math.max(from, other.address + other.length)
      // The rest of it may be in the next range.
      if (from > end) break
    }
    if (from < end) left.push({ address: from, length: end - from })
  }
  return left
}
