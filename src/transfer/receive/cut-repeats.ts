import { crc32c } from '../../io/crc32c.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { BoundaryPages } from '../boundary-pages.ts'
import type { ReceivedPiece } from './receive-job.ts'

/** The block of a packet's pieces, and the pages that arrived before them. */
export interface PacketPlace {
  readonly block: number
  readonly slots: SharedArrayBuffer
  /** Whether another packet has brought the page. */
  readonly isStored: (page: number) => boolean
}

/**
 * The pieces of a packet without a first or last page that another packet brought before with exactly this content. Records their outermost pages for
 * later packets.
 */
export function cutRepeats(
  pieces: readonly ReceivedPiece[],
  boundaries: BoundaryPages,
  place: PacketPlace,
): readonly ReceivedPiece[] {
  const [first] = pieces
  const last = pieces.at(-1)
  if (first === undefined || last === undefined) return pieces
  const repeats = (page: number, offset: number): boolean => {
    const bytes = new Uint8Array(place.slots, offset, PAGE_SIZE)
    const again = place.isStored(page) && boundaries.matches(place.block, page, bytes)
    boundaries.remember(place.block, page, bytes)
    return again
  }
  const lastPage = last.firstPage + last.pageCount - 1
  const cutFirst = repeats(first.firstPage, first.slotOffset)
  const cutLast =
    lastPage > first.firstPage &&
    repeats(lastPage, last.slotOffset + (last.pageCount - 1) * PAGE_SIZE)
  if (!cutFirst && !cutLast) return pieces
  return pieces
    .map((piece) => without(piece, cutFirst && piece === first, cutLast && piece === last, place))
    .filter(({ pageCount }) => pageCount > 0)
}

/** The rest of a piece is stored uncompressed: this is rare, and its frame was already made. */
function without(
  piece: ReceivedPiece,
  first: boolean,
  last: boolean,
  { slots }: PacketPlace,
): ReceivedPiece {
  if (!first && !last) return piece
  const firstPage = piece.firstPage + (first ? 1 : 0)
  const pageCount = piece.pageCount - (first ? 1 : 0) - (last ? 1 : 0)
  const offset = piece.slotOffset + (first ? PAGE_SIZE : 0)
  const length = pageCount * PAGE_SIZE
  const crc = crc32c(new Uint8Array(slots, offset, length))
  return { firstPage, pageCount, slotOffset: offset, compressed: false, offset, length, crc }
}
