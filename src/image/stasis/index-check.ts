import type { ImageError } from '../../errors.ts'
import { PAGE_SIZE } from '../saved-machine.ts'
import { FRAME_RECORD_LENGTH, type FrameTable } from './frame-table.ts'
import {
  BLOCK_RECORD_LENGTH,
  type FilePart,
  FRAME_ALIGNMENT,
  INDEX_HEAD_LENGTH,
  LINEAR_ALIGNMENT,
  MAX_FRAME_PAGES,
  PART_ALIGNMENT,
  type StasisBlock,
  type StasisIndex,
  damagedIndex,
} from './layout.ts'

/** Where the index was found, and the part of the file that it may speak of. */
export interface IndexPlace {
  readonly path: string
  /** Of the index. */
  readonly offset: number
  /** Where the log begins. */
  readonly bodyOffset: number
}

/**
 * Checks an index against its file, so that nothing in it needs a check later: parts and frames inside the file and aligned,
 * frames inside their blocks, in order and apart.
 * @throws ImageError IMAGE_CORRUPT
 */
export function checkIndex(index: StasisIndex, place: IndexPlace): void {
  checkPart(index.head, 'stream head', 24, place)
  checkPart(index.device, 'device state', 40, place)
  const logEnd = Math.min(index.head.offset, index.device.offset)
  index.blocks.forEach((block, position) => {
    const fault = blockFault(block, place.bodyOffset, logEnd)
    if (fault !== undefined)
      throw refuse(
        place,
        INDEX_HEAD_LENGTH + position * BLOCK_RECORD_LENGTH,
        `${block.name} ${fault}`,
      )
  })
  const framesAt = INDEX_HEAD_LENGTH + index.blocks.length * BLOCK_RECORD_LENGTH
  let before: PagesEnd = { block: 0, page: 0 }
  for (let frame = 0; frame < index.frames.count; frame += 1) {
    const fault = frameFault(index, frame, before, place.bodyOffset, logEnd)
    if (fault !== undefined)
      throw refuse(place, framesAt + frame * FRAME_RECORD_LENGTH, `frame ${frame} ${fault}`)
    before = endOf(index.frames, frame)
  }
}

function checkPart(part: FilePart, name: string, at: number, place: IndexPlace): void {
  if (
    part.offset % PART_ALIGNMENT !== 0 ||
    part.offset < place.bodyOffset ||
    part.offset + part.length > place.offset
  ) {
    throw refuse(place, at, `the ${name} cannot lie at ${part.offset}`)
  }
}

function blockFault(block: StasisBlock, bodyOffset: number, logEnd: number): string | undefined {
  const { usedLength, linearOffset } = block
  // The stream's page word keeps 52 bits for an address; a frame's record 32 for a page.
  if (usedLength % PAGE_SIZE !== 0 || usedLength / PAGE_SIZE > 0x1_0000_0000)
    return `cannot have ${usedLength} bytes`
  if (linearOffset === 0) return undefined
  const inside = linearOffset >= bodyOffset && linearOffset + usedLength <= logEnd
  if (!inside || linearOffset % LINEAR_ALIGNMENT !== 0) return `cannot lie at ${linearOffset}`
  return undefined
}

function frameFault(
  { blocks, frames }: StasisIndex,
  frame: number,
  before: PagesEnd,
  bodyOffset: number,
  logEnd: number,
): string | undefined {
  const block = blocks[frames.block(frame)]
  const codec = frames.codec(frame)
  if (block === undefined) return `is of block ${frames.block(frame)}, which does not exist`
  if (codec === undefined) return 'has an unknown codec'
  const offset = frames.offset(frame)
  const stored = frames.storedLength(frame)
  const firstPage = frames.firstPage(frame)
  const pageCount = frames.pageCount(frame)
  const length = pageCount * PAGE_SIZE
  if (pageCount < 1 || pageCount > MAX_FRAME_PAGES) return `has ${pageCount} pages`
  if (firstPage * PAGE_SIZE + length > block.usedLength) return `lies outside ${block.name}`
  if (frames.block(frame) < before.block) return 'is out of order'
  if (frames.block(frame) === before.block && firstPage < before.page)
    return 'covers pages of the one before it, or is out of order'
  if (codec === 'none' ? stored !== length : stored < 1 || stored >= length)
    return `cannot have ${stored} stored bytes`
  if (offset % (codec === 'none' ? PAGE_SIZE : FRAME_ALIGNMENT) !== 0)
    return `is not aligned at ${offset}`
  if (offset < bodyOffset || offset + stored > logEnd) return `cannot lie at ${offset}`
  if (
    block.linearOffset !== 0 &&
    (codec !== 'none' || offset !== block.linearOffset + firstPage * PAGE_SIZE)
  )
    return `is not where ${block.name} has it`
  return undefined
}

interface PagesEnd {
  readonly block: number
  readonly page: number
}

function endOf(frames: FrameTable, frame: number): PagesEnd {
  return {
    block: frames.block(frame),
    page: frames.firstPage(frame) + frames.pageCount(frame),
  }
}

function refuse(place: IndexPlace, at: number, what: string): ImageError {
  return damagedIndex(place, at, what)
}
