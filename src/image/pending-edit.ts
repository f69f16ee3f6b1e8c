import { crc32c } from '../io/crc32c.ts'
import { alignUp } from '../io/memory/aligned-memory.ts'
import { HEADER_LENGTH } from './header.ts'

/** The record that an edit writes before it begins (docs/format/libvirt-header.md, "Edits"). */
const MAGIC = 'StasisEditUnderW'
const FIXED_LENGTH = 24

/** A disk writes this many bytes either whole or not at all. */
export const SECTOR_LENGTH = 512

/** Header and description area after an edit. */
export interface PendingEdit {
  readonly header: Uint8Array
  readonly area: Uint8Array
}

/** The offset of an edit's record in a description area of this length: a sector boundary in its second half, which text seldom reaches. */
export function editOffset(dataLength: number): number {
  return alignUp(HEADER_LENGTH + Math.ceil(dataLength / 2), SECTOR_LENGTH) - HEADER_LENGTH
}

/** Whether a description area contains the remains of an edit. */
export function hasEditRecord(area: Uint8Array): boolean {
  const offset = editOffset(area.length)
  return Buffer.from(area.subarray(offset, offset + MAGIC.length)).equals(Buffer.from(MAGIC))
}

/** The start of every record: written before, and wiped after, the rest of it. */
export function editMark(record: Uint8Array): Uint8Array {
  return record.subarray(0, MAGIC.length)
}

/**
 * The record of an edit; `undefined` when it does not fit, or one of the texts reaches its place. `oldTextLength` and `textLength` count from the
 * start of the area.
 */
export function editRecord(
  { header, area }: PendingEdit,
  textLength: number,
  oldTextLength: number,
): Uint8Array | undefined {
  const offset = editOffset(area.length)
  const length = FIXED_LENGTH + HEADER_LENGTH + textLength
  if (Math.max(textLength, oldTextLength) > offset || offset + length > area.length)
    return undefined
  const record = Buffer.alloc(length)
  record.write(MAGIC, 'latin1')
  record.writeUInt32LE(HEADER_LENGTH + textLength, 16)
  record.set(header.subarray(0, HEADER_LENGTH), FIXED_LENGTH)
  record.set(area.subarray(0, textLength), FIXED_LENGTH + HEADER_LENGTH)
  record.writeUInt32LE(crc32c(record.subarray(FIXED_LENGTH)), 20)
  return record
}

/** The edit that a description area records as pending, if the record is whole. */
export function findPendingEdit(area: Uint8Array): PendingEdit | undefined {
  const offset = editOffset(area.length)
  if (!hasEditRecord(area)) return undefined
  const half = Buffer.from(area.buffer, area.byteOffset + offset, area.length - offset)
  if (half.length < FIXED_LENGTH + HEADER_LENGTH) return undefined
  const end = FIXED_LENGTH + half.readUInt32LE(16)
  if (end < FIXED_LENGTH + HEADER_LENGTH || end > half.length) return undefined
  const content = half.subarray(FIXED_LENGTH, end)
  if (half.readUInt32LE(20) !== crc32c(content)) return undefined
  const edited = Buffer.alloc(area.length)
  content.copy(edited, 0, HEADER_LENGTH)
  return { header: Buffer.from(content.subarray(0, HEADER_LENGTH)), area: edited }
}

/** A copy of an area without the remains of an edit in its second half. */
export function withoutEditRecord(area: Uint8Array): Uint8Array {
  const bare = Buffer.alloc(area.length)
  bare.set(area.subarray(0, editOffset(area.length)))
  return bare
}
