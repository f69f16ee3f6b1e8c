import { crc32c } from '../io/crc32c.ts'
import { type SaveImageHeader, parseHeader } from './header.ts'
import {
  type PendingEdit,
  findPendingEdit,
  hasEditRecord,
  withoutEditRecord,
} from './pending-edit.ts'

/** The contents of an image after completing an interrupted edit. */
export interface RecoveredEdit {
  readonly header: SaveImageHeader
  readonly area: Uint8Array
  readonly edit: PendingEdit | undefined
}

/** Finds an edit of a description that was interrupted: it counts as done when its record is whole, and as never begun otherwise. */
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
  // Damage that no edit explains is reported later.
  if (extension === undefined || extension.areaCrc === crc32c(area) || !hasEditRecord(area))
    return { header, area, edit: undefined }
  return { header, area: withoutEditRecord(area), edit: undefined }
}

/** Whether two headers differ only in the fields that an edit changes. */
function isSameBut(edited: SaveImageHeader, header: SaveImageHeader): boolean {
  const fixed = ({
    complete,
    dataLength,
    format,
    id,
    bigEndian,
    extension,
  }: SaveImageHeader): string =>
    JSON.stringify([
      complete,
      dataLength,
      format,
      id,
      bigEndian,
      extension && { ...extension, areaCrc: 0 },
    ])
  return fixed(edited) === fixed(header)
}
