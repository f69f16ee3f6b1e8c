import { Buffer } from 'node:buffer'
import {
  PART_START_LENGTH,
  endOfPart,
  string,
  writePartStart,
  writeWord,
} from './incoming-stream.ts'
import { PAGE_SIZE } from './page-size.ts'
import { RAM_FLAG, SECTION } from './stream-constants.ts'

/**
 * Pages as prepared records. Which of them are sent, and between which others, is decided later. Source: QEMU migration/ram.c `ram_load_postcopy`, as
 * in incoming-stream.ts.
 */

const WORD_LENGTH = 8

/** Length of the record of a page whose block is that of the page before it. */
export const PAGE_RECORD_LENGTH: number = WORD_LENGTH + PAGE_SIZE

/** The place for consecutive pages where `makePageRecords` expects them: the end of `area`, which is as long as their records. */
export function pagesInRecords(area: Buffer): Buffer {
  return area.subarray((area.length / PAGE_RECORD_LENGTH) * WORD_LENGTH)
}

/** Makes records of pages beginning with `firstPage`: of those at the end of `area`, or of `pages` in other memory. */
export function makePageRecords(area: Buffer, firstPage: number, pages?: Uint8Array): void {
  const count = area.length / PAGE_RECORD_LENGTH
  for (let page = 0; page < count; page += 1) {
    const at = page * PAGE_RECORD_LENGTH
    const from = page * PAGE_SIZE
    // In ascending order, because a record never overwrites pages that are still to be moved.
    if (pages === undefined)
      area.copyWithin(
        at + WORD_LENGTH,
        count * WORD_LENGTH + from,
        count * WORD_LENGTH + from + PAGE_SIZE,
      )
    else area.set(pages.subarray(from, from + PAGE_SIZE), at + WORD_LENGTH)
    writeWord(area, at, (firstPage + page) * PAGE_SIZE, RAM_FLAG.PAGE | RAM_FLAG.CONTINUE)
  }
}

/** A part of the RAM section with records of pages of one block, as pieces to send one after another. */
export function recordsPart(
  ramSection: number,
  block: string,
  firstPage: number,
  records: Buffer,
): readonly Uint8Array[] {
  const name = string(block)
  const head = Buffer.alloc(PART_START_LENGTH + WORD_LENGTH + name.length)
  const at = writePartStart(head, ramSection, SECTION.PART)
  writeWord(head, at, firstPage * PAGE_SIZE, RAM_FLAG.PAGE)
  name.copy(head, at + WORD_LENGTH)
  // The first record must name the block, so its own first word is left out.
  return [head, records.subarray(WORD_LENGTH), endOfPart(ramSection)]
}
