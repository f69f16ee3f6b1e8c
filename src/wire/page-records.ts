import { Buffer } from 'node:buffer'
import {
  PART_START_LENGTH,
  endOfPart,
  string,
  writePartStart,
  writeWord,
} from './incoming-stream.ts'
import { RAM_FLAG, SECTION } from './stream-marks.ts'

/**
 * Pages as records that lie ready: which of them go out, and between what, is decided later. Source: QEMU migration/ram.c
 * `ram_load_postcopy`, as in incoming-stream.ts.
 */

const PAGE_SIZE = 4096

const WORD_LENGTH = 8

/** Bytes of the record of a page of the same block as the page before it. */
export const PAGE_RECORD_LENGTH: number = WORD_LENGTH + PAGE_SIZE

/**
 * Where pages that follow one another are wanted so that `makePageRecords` finds them in `area`, which is as long as their records:
 * at its end.
 */
export function pagesInRecords(area: Buffer): Buffer {
  return area.subarray((area.length / PAGE_RECORD_LENGTH) * WORD_LENGTH)
}

/** Makes records of pages from `firstPage` on: of those at the end of `area`, or of `pages` that lie elsewhere. */
export function makePageRecords(area: Buffer, firstPage: number, pages?: Uint8Array): void {
  const count = area.length / PAGE_RECORD_LENGTH
  for (let page = 0; page < count; page += 1) {
    const at = page * PAGE_RECORD_LENGTH
    const from = page * PAGE_SIZE
    // From the first on: what is written never reaches the pages that are still to be moved.
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

/** A part of the RAM section that brings records of pages of one block: pieces that go out one behind the other. */
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
  // The first record has to name the block, so its word as it lies there is left out.
  return [head, records.subarray(WORD_LENGTH), endOfPart(ramSection)]
}
