import type { PageSpan } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'

/** Consecutive pages in a slot; its pages that no read fills are zero. */
export interface Segment extends PageSpan {
  /** Byte offset in the slot. */
  readonly slotOffset: number
}

/** A piece of a slot. */
export interface SlotRange {
  readonly slotOffset: number
  readonly length: number
}

/** The layout of one packet's pages in a slot. */
export interface PacketLayout {
  readonly segments: readonly Segment[]
  /** The places of the packet's bytes, in the order of their arrival. */
  readonly reads: readonly SlotRange[]
  /** Small gaps between the pages, to be filled with zeros: one write then covers both sides. */
  readonly gaps: readonly SlotRange[]
}

/** Gaps of up to this many pages are written as zeros, because splitting costs a frame. */
const MAX_GAP_PAGES = 16

/**
 * Lays out the pages of a packet in the order of guest memory. `pages` is in the order of their bytes: ascending in QEMU before 9.0; later versions
 * put the last pages of a packet in the places of zero pages. `slotPages` is at least `pages.length`. Returns `undefined` when it contains a page
 * twice.
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
