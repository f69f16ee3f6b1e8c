import { PAGE_SIZE } from '../image/saved-machine.ts'

/** A contiguous range of pages laid out in a slot; pages of it that no read fills are zero. */
export interface Segment {
  readonly firstPage: number
  readonly pageCount: number
  /** Byte offset in the slot. */
  readonly slotOffset: number
}

/** Where the next bytes of the packet go. */
export interface PacketRead {
  readonly slotOffset: number
  readonly length: number
}

/** How the pages of one packet lie in a slot. */
export interface PacketLayout {
  readonly segments: readonly Segment[]
  readonly reads: readonly PacketRead[]
  /** Byte ranges to be zeroed: small gaps between the pages, bridged so that one write serves both sides. */
  readonly gaps: readonly PacketRead[]
}

/** Gaps of up to so many pages are written as zeros rather than cut a frame in two. */
const MAX_GAP_PAGES = 16

/**
 * Lays the pages of a packet out as they lie in guest memory. The pages come in the order of `pages`; QEMU sends them
 * ascending, and skips zero pages. `slotPages` is at least `pages.length`.
 */
export function layoutPacket(pages: readonly number[], slotPages: number): PacketLayout {
  const segments: { firstPage: number; pageCount: number; slotOffset: number }[] = []
  const reads: { slotOffset: number; length: number }[] = []
  const gaps: PacketRead[] = []
  let spare = slotPages - pages.length
  let used = 0
  for (const page of pages) {
    const segment = segments.at(-1)
    const gap = segment === undefined ? -1 : page - segment.firstPage - segment.pageCount
    if (segment !== undefined && gap >= 0 && gap <= Math.min(MAX_GAP_PAGES, spare)) {
      if (gap > 0) gaps.push({ slotOffset: used, length: gap * PAGE_SIZE })
      spare -= gap
      used += gap * PAGE_SIZE
      segment.pageCount += gap + 1
    } else {
      segments.push({ firstPage: page, pageCount: 1, slotOffset: used })
    }
    const read = reads.at(-1)
    if (read !== undefined && read.slotOffset + read.length === used) read.length += PAGE_SIZE
    else reads.push({ slotOffset: used, length: PAGE_SIZE })
    used += PAGE_SIZE
  }
  return { segments, reads, gaps }
}
