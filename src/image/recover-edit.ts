import { crc32c } from '@node-rs/crc32'
import { type SaveImageHeader, parseHeader } from './header.ts'
import {
  type PendingEdit,
  findPendingEdit,
  hasEditRecord,
  withoutEditRecord,
} from './pending-edit.ts'

/** What an image says, an edit that was cut short counted in. */
export interface RecoveredEdit {
  readonly header: SaveImageHeader
  readonly area: Uint8Array
  readonly edit: PendingEdit | undefined
}

/** Looks whether an edit of a description was cut short: it counts as done when its record is whole, else as never begun. */
export function recoverEdit(
  path: string,
  header: SaveImageHeader,
  area: Uint8Array,
): RecoveredEdit {
  const edit = findPendingEdit(area)
  const edited = edit === undefined ? undefined : parseHeader(edit.header, path)
  if (edit !== undefined && edited !== undefined && isSameBut(edited, header))
    return { header: edited, area: edit.area, edit }
  const { extension } = header
  // Damage that no edit has left stays damage.
  if (extension === undefined || extension.areaCrc === crc32c(area) || !hasEditRecord(area))
    return { header, area, edit: undefined }
  return { header, area: withoutEditRecord(area), edit: undefined }
}

/** Whether two headers differ in nothing but what an edit changes. */
function isSameBut(edited: SaveImageHeader, header: SaveImageHeader): boolean {
  const fixed = ({ complete, dataLength, format, bigEndian, extension }: SaveImageHeader): string =>
    JSON.stringify([
      complete,
      dataLength,
      format,
      bigEndian,
      extension && { ...extension, areaCrc: 0 },
    ])
  return fixed(edited) === fixed(header)
}
