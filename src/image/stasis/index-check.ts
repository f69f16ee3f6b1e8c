import type { ImageError } from '../../errors.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { RamBlock } from '../saved-machine.ts'
import { FRAME_RECORD_LENGTH } from './frame-table.ts'
import {
  BLOCK_RECORD_LENGTH,
  type FilePart,
  FRAME_ALIGNMENT,
  LINEAR_ALIGNMENT,
  MAX_FRAME_PAGES,
  PART_ALIGNMENT,
  type StasisIndex,
  damagedIndex,
  indexHeadLength,
} from './layout.ts'

/** The place of the index, and the part of the file that it may refer to. */
export interface IndexPlace {
  readonly path: string
  /** Offset of the index. */
  readonly offset: number
  /** Start of the log. */
  readonly bodyOffset: number
}

/**
 * Checks an index against its file, so that nothing in it needs a check later: parts and frames inside the file and aligned, frames inside their
 * blocks, in order and without overlap.
 * @throws ImageError IMAGE_CORRUPT
 */
export function checkIndex(index: StasisIndex, place: IndexPlace): void {
  checkPart(index.head, 'stream head', 24, place)
  checkPart(index.device, 'device state', 40, place)
  const blocksAt = indexHeadLength(index.base)
  const logEnd = Math.min(index.head.offset, index.device.offset)
  index.blocks.forEach((block, position) => {
    const fault =
      blockFault(block, place.bodyOffset, logEnd) ??
      (index.base !== undefined && block.linearOffset !== undefined
        ? 'cannot be in order in an image with a base'
        : undefined)
    if (fault !== undefined)
      throw refuse(place, blocksAt + position * BLOCK_RECORD_LENGTH, `${block.name} ${fault}`)
  })
  const framesAt = blocksAt + index.blocks.length * BLOCK_RECORD_LENGTH
  checkFrames(index, place.bodyOffset, logEnd, (frame, fault) =>
    refuse(place, framesAt + frame * FRAME_RECORD_LENGTH, `frame ${frame} ${fault}`),
  )
}

function checkPart(part: FilePart, name: string, at: number, place: IndexPlace): void {
  if (
    part.offset % PART_ALIGNMENT !== 0 ||
    part.offset < place.bodyOffset ||
    part.offset + part.length > place.offset
  ) {
    throw refuse(place, at, `the ${name} cannot be at byte ${part.offset}`)
  }
}

function blockFault(block: RamBlock, bodyOffset: number, logEnd: number): string | undefined {
  const { length, linearOffset } = block
  // The stream's page word has 52 bits for an address, a frame's record 32 for a page number.
  if (length % PAGE_SIZE !== 0 || length / PAGE_SIZE > 0x1_0000_0000)
    return `cannot have ${length} bytes`
  if (linearOffset === undefined) return undefined
  const inside = linearOffset >= bodyOffset && linearOffset + length <= logEnd
  if (!inside || linearOffset % LINEAR_ALIGNMENT !== 0) return `cannot be at byte ${linearOffset}`
  return undefined
}

/** There may be millions of frames while a guest waits: each field is read once, and nothing is allocated. */
function checkFrames(
  { blocks, frames, base }: StasisIndex,
  bodyOffset: number,
  logEnd: number,
  error: (frame: number, fault: string) => ImageError,
): void {
  let blockBefore = 0
  let pageBefore = 0
  for (let frame = 0; frame < frames.count; frame += 1) {
    const position = frames.block(frame)
    const block = blocks[position]
    if (block === undefined)
      throw error(frame, `belongs to block ${position}, which does not exist`)
    const isInBase = base !== undefined && frames.isInBase(frame)
    const codec = frames.codec(frame)
    if (codec === undefined && !isInBase) throw error(frame, 'has an unknown codec')
    const firstPage = frames.firstPage(frame)
    const pageCount = frames.pageCount(frame)
    const length = pageCount * PAGE_SIZE
    if (pageCount < 1 || pageCount > MAX_FRAME_PAGES)
      throw error(frame, `cannot have ${pageCount} pages`)
    if (firstPage * PAGE_SIZE + length > block.length)
      throw error(frame, `is outside ${block.name}`)
    if (position < blockBefore) throw error(frame, 'is out of order')
    if (position === blockBefore && firstPage < pageBefore)
      throw error(frame, 'covers pages of the one before it, or is out of order')
    blockBefore = position
    pageBefore = firstPage + pageCount
    const stored = frames.storedLength(frame)
    if (isInBase) {
      if (stored !== 0 || frames.offset(frame) !== 0)
        throw error(frame, 'is in the base, and cannot have stored bytes')
      continue
    }
    if (codec === 'none' ? stored !== length : stored < 1 || stored >= length)
      throw error(frame, `cannot have ${stored} stored bytes`)
    const offset = frames.offset(frame)
    if (offset % (codec === 'none' ? PAGE_SIZE : FRAME_ALIGNMENT) !== 0)
      throw error(frame, `is not aligned at byte ${offset}`)
    if (offset < bodyOffset || offset + stored > logEnd)
      throw error(frame, `cannot be at byte ${offset}`)
    const { linearOffset } = block
    if (
      linearOffset !== undefined &&
      (codec !== 'none' || offset !== linearOffset + firstPage * PAGE_SIZE)
    )
      throw error(frame, `is not where ${block.name} has it`)
  }
}

function refuse(place: IndexPlace, at: number, what: string): ImageError {
  return damagedIndex(place, at, what)
}
