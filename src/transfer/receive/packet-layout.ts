import { PAGE_SIZE } from '../../image/saved-machine.ts'

/** A contiguous range of pages laid out in a slot; pages of it that no read fills are zero. */
export interface Segment {
  readonly firstPage: number
  readonly pageCount: number
  /** Byte offset in the slot. */
  readonly slotOffset: number
}

/** A piece of a slot. */
export interface SlotRange {
  readonly slotOffset: number
  readonly length: number
}

/** How the pages of one packet lie in a slot. */
export interface PacketLayout {
  readonly segments: readonly Segment[]
  /** Where the packet's bytes go, in the order in which they come. */
  readonly reads: readonly SlotRange[]
  /** To be zeroed: small gaps between the pages, bridged so that one write serves both sides. */
  readonly gaps: readonly SlotRange[]
}

/** Gaps of up to so many pages are written as zeros rather than cut a frame in two. */
const MAX_GAP_PAGES = 16

/**
 * Lays the pages of a packet out as they lie in guest memory. `pages` is in the order of their bytes: ascending from QEMU before
 * 9.0; later ones put the last pages of a packet in the places of zero pages. `slotPages` is at least `pages.length`.
 * Gives `undefined` when a page is in it twice.
 */
export function layoutPacket(
  pages: readonly number[],
  slotPages: number,
): PacketLayout | undefined {
  const sorted = isAscending(pages) ? pages : pages.toSorted((a, b) => a - b)
  const segments: { firstPage: number; pageCount: number; slotOffset: number }[] = []
  const gaps: SlotRange[] = []
  const places = new Map<number, number>()
  let spare = slotPages - pages.length
  let used = 0
  for (const page of sorted) {
    const segment = segments.at(-1)
    const gap = segment === undefined ? 0 : page - segment.firstPage - segment.pageCount
    if (gap < 0) return undefined
    if (segment !== undefined && gap <= Math.min(MAX_GAP_PAGES, spare)) {
      if (gap > 0) gaps.push({ slotOffset: used, length: gap * PAGE_SIZE })
      spare -= gap
      used += gap * PAGE_SIZE
      segment.pageCount += gap + 1
    } else {
      segments.push({ firstPage: page, pageCount: 1, slotOffset: used })
    }
    places.set(page, used)
    used += PAGE_SIZE
  }
  return { segments, reads: readsOf(pages, places), gaps }
}

function readsOf(
  pages: readonly number[],
  places: ReadonlyMap<number, number>,
): readonly SlotRange[] {
  const reads: { slotOffset: number; length: number }[] = []
  for (const page of pages) {
    const slotOffset = places.get(page) ?? 0
    const last = reads.at(-1)
    if (last !== undefined && last.slotOffset + last.length === slotOffset) last.length += PAGE_SIZE
    else reads.push({ slotOffset, length: PAGE_SIZE })
  }
  return reads
}

function isAscending(pages: readonly number[]): boolean {
  return pages.every((page, index) => index === 0 || page > (pages[index - 1] ?? 0))
}
