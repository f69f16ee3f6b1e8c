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

/**
 * The writes that change header and description area where they lie, so that whatever a crash leaves of them (sectors of 512
 * bytes are whole) is the old description or the new one to our reader: the new one is first written down where neither reaches,
 * and wiped there at the end. When there is no room for that all is one write, which a crash can tear.
 */
export function editWrites(
  edited: PendingEdit,
  textLength: number,
  oldTextLength: number,
): readonly EditWrite[] {
  const record = editRecord(edited, textLength, oldTextLength)
  const { header, area } = edited
  if (record === undefined) return [{ offset: 0, bytes: Buffer.concat([header, area]) }]
  const offset = HEADER_LENGTH + editOffset(area.length)
  return [
    { offset, bytes: editMark(record) },
    { offset, bytes: record },
    ...finishingWrites(edited),
  ]
}

/** The writes that bring an edit that was written down to its end. */
export function finishingWrites({ header, area }: PendingEdit): readonly EditWrite[] {
  const half = editOffset(area.length)
  const rest = Math.min(half + SECTOR_LENGTH, area.length)
  return [
    { offset: 0, bytes: Buffer.concat([header, area.subarray(0, half)]) },
    { offset: HEADER_LENGTH + rest, bytes: area.subarray(rest) },
    { offset: HEADER_LENGTH + half, bytes: area.subarray(half, rest) },
  ]
}
