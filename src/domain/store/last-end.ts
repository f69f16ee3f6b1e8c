import { dirname } from 'node:path'
import { makeDirectory } from '../../io/files/directory.ts'
import { isThere, removeFile } from '../../io/files/file-names.ts'
import { isOptionalText, isText } from '../../io/records/field-checks.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** The reason why a domain no longer runs. */
export type EndReason = 'shutdown' | 'destroyed' | 'crashed' | 'saved' | 'failed'

/** How a domain last ended. */
export interface LastEnd {
  readonly reason: EndReason
  /** ISO 8601. */
  readonly time: string
  /** The last lines that its QEMU wrote, if it crashed, or if a signal ended it. */
  readonly lastLines?: string | undefined
  /** The image that it was saved to; the domain is in it until it runs again. */
  readonly image?: string | undefined
}

/** Describes an end that happened, or was noticed, just now. */
export function endNow(
  reason: EndReason,
  { lastLines = '', image }: Pick<LastEnd, 'lastLines' | 'image'> = {},
): LastEnd {
  return {
    reason,
    time: new Date().toISOString(),
    ...(lastLines !== '' && { lastLines }),
    ...(image !== undefined && { image }),
  }
}

/** Records how a domain has ended just now, see `writeEnd`. */
export async function recordEnd(
  paths: RuntimePaths,
  reason: EndReason,
  more: Pick<LastEnd, 'lastLines' | 'image'> = {},
): Promise<void> {
  await writeEnd(paths, endNow(reason, more))
}

/** Records how a domain ended. A failure to write it does not fail the operation that ended the domain. */
export async function writeEnd(paths: RuntimePaths, end: LastEnd): Promise<void> {
  try {
    await makeDirectory(dirname(paths.lastEnd))
    await writeRecordFile(LAST_END, paths.lastEnd, end, { durable: true })
  } catch {
    // See above.
  }
}

/** How a domain last ended, if that is recorded. @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW, and others */
export async function readLastEnd(paths: RuntimePaths): Promise<LastEnd | undefined> {
  return readRecordFile(LAST_END, paths.lastEnd)
}

/** Removes the record: the domain runs again, or no longer exists. */
export async function removeLastEnd(paths: RuntimePaths): Promise<void> {
  await removeFile(paths.lastEnd).catch(() => undefined)
}

/** A message for a search for a domain that was saved to a file; `undefined` when it was not. @throws StorageError */
export async function whereSaved(
  paths: RuntimePaths,
  end: LastEnd | undefined,
): Promise<string | undefined> {
  const image = end?.image
  if (image === undefined || image === paths.managedSave) return undefined
  if (!(await isThere(image))) return undefined
  return `It was saved to ${image}: \`stasis restore ${image}\` resumes it`
}

const LAST_END: RecordKind<LastEnd> = {
  what: 'the record of how a domain ended',
  version: 1,
  hint: 'It may say that the domain was saved, and where: read it before you remove it',
  parse(value) {
    const fields = fieldsOf(value)
    const { reason, time, image, lastLines } = fields ?? {}
    const fits = [reason, time].every(isText) && [image, lastLines].every(isOptionalText)
    return fits ? (fields as unknown as LastEnd) : undefined
  },
}
