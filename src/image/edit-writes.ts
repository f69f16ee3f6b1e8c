import { HEADER_LENGTH } from './header.ts'
import {
  type PendingEdit,
  SECTOR_LENGTH,
  editMark,
  editOffset,
  editRecord,
} from './pending-edit.ts'

/** Bytes that must be on the disk before the next are written. */
export interface EditWrite {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** The writes of an edit, in three groups. */
export interface EditWrites {
  /** These record it. Once they are on the disk the edit counts as done. Empty where there is no space for a record. */
  readonly record: readonly EditWrite[]
  /** These complete it. */
  readonly finish: readonly EditWrite[]
  /** These remove a record that could not be written. */
  readonly undo: readonly EditWrite[]
}

/**
 * The writes that change header and description area in place. After a crash at any point (sectors of 512 bytes are written whole) our reader finds
 * the old description or the new one: the new one is first written to a part of the area that neither occupies, and wiped there at the end. Without
 * space for that, everything is one write, which a crash can tear.
 */
export function editWrites(
  edited: PendingEdit,
  textLength: number,
  oldTextLength: number,
): EditWrites {
  const record = editRecord(edited, textLength, oldTextLength)
  const { header, area } = edited
  if (record === undefined) {
    const whole = [{ offset: 0, bytes: Buffer.concat([header, area]) }]
    return { record: [], finish: whole, undo: [] }
  }
  const offset = HEADER_LENGTH + editOffset(area.length)
  const mark = editMark(record)
  return {
    record: [
      { offset, bytes: mark },
      { offset, bytes: record },
    ],
    finish: finishingWrites(edited),
    undo: [
      { offset, bytes: Buffer.alloc(mark.length) },
      { offset, bytes: Buffer.alloc(record.length) },
    ],
  }
}

/** The writes that complete a recorded edit. */
export function finishingWrites({ header, area }: PendingEdit): readonly EditWrite[] {
  const half = editOffset(area.length)
  const rest = Math.min(half + SECTOR_LENGTH, area.length)
  return [
    { offset: 0, bytes: Buffer.concat([header, area.subarray(0, half)]) },
    { offset: HEADER_LENGTH + rest, bytes: area.subarray(rest) },
    { offset: HEADER_LENGTH + half, bytes: area.subarray(half, rest) },
  ]
}
