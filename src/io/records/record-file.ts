import { StasisError, StorageError } from '../../errors.ts'
import { namesIn } from '../files/directory.ts'
import { createText, readText, replaceText, writeText } from './text-file.ts'

/** A kind of state file: JSON with a version. */
export interface RecordKind<T extends object> {
  /** A description of the file for messages: `the record of a running domain`. */
  readonly what: string
  /** The version that is written, and the newest that can be read. */
  readonly version: number
  /**
   * Checks the shape of a value and converts it to this version; `undefined` when the shape is wrong. `version` is 0 for a file without a version,
   * which was written before files had versions.
   */
  readonly parse: (value: unknown, version: number) => T | undefined
  /** The hint for a file that cannot be read. */
  readonly hint?: string | undefined
}

/** The fields of a JSON object whose shape is unknown. */
export type Fields = Readonly<Record<string, unknown>>

/** The fields of a JSON object; `undefined` for any other value. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : undefined
}

/**
 * The record in a file; `undefined` when there is no file. An unreadable file is not absent.
 * @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW, and errors of the disk
 */
export async function readRecordFile<T extends object>(
  kind: RecordKind<T>,
  path: string,
): Promise<T | undefined> {
  const text = await readText(path)
  return text === undefined ? undefined : parseRecord(kind, path, text)
}

/** `readRecordFile` for a file that can be made again, such as the result of a probe: an unreadable one counts as absent, and is replaced. */
export async function readCacheFile<T extends object>(
  kind: RecordKind<T>,
  path: string,
): Promise<T | undefined> {
  try {
    return await readRecordFile(kind, path)
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}

/**
 * The names of the records in a directory, without `.json`; none when it does not exist. `operation` is for the error.
 * @throws StorageError
 */
export async function recordsIn(directory: string, operation: string): Promise<readonly string[]> {
  const names = await namesIn(directory, operation)
  return (
    names
      // Temporary files begin with a dot.
      .filter((name) => name.endsWith(SUFFIX) && !name.startsWith('.'))
      .map((name) => name.slice(0, -SUFFIX.length))
  )
}

const SUFFIX = '.json'

/** Writes a record, mode 0600; readers see the whole old one or the whole new one. @throws StorageError */
export async function writeRecordFile<T extends object>(
  kind: RecordKind<T>,
  path: string,
  record: T,
  options: { readonly durable: boolean },
): Promise<void> {
  await writeText(path, recordText(kind, record), options)
}

/**
 * Writes a record durably, mode 0600, unless the file exists, even if another host makes it at the same moment. Returns whether it was written.
 * @throws StorageError
 */
export async function createRecordFile<T extends object>(
  kind: RecordKind<T>,
  path: string,
  record: T,
): Promise<boolean> {
  return createText(path, recordText(kind, record))
}

/**
 * Replaces an existing record, not durably. Returns false and changes nothing when it is gone or `isMeant` refuses it.
 * @throws StorageError
 */
export async function replaceRecordFile<T extends object>(
  kind: RecordKind<T>,
  path: string,
  record: T,
  isMeant: (before: T) => boolean,
): Promise<boolean> {
  return replaceText(path, recordText(kind, record), (text) =>
    isMeant(parseRecord(kind, path, text)),
  )
}

/** The text of a record in a file. */
export function recordText<T extends object>({ version }: RecordKind<T>, record: T): string {
  return `${JSON.stringify({ version, ...record }, undefined, 2)}\n`
}

/** Whether an error concerns the content of a record rather than the disk: it is unreadable, or a newer Stasis wrote it. */
export function isRecordFault(error: unknown): error is StorageError {
  return StasisError.is(error, 'STATE_UNREADABLE') || StasisError.is(error, 'STATE_TOO_NEW')
}

/** The record in the text of a file; `path` is for messages. @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW */
export function parseRecord<T extends object>(kind: RecordKind<T>, path: string, text: string): T {
  const { what, hint } = kind
  const facts = { operation: `read ${what}`, path, hint }
  const value = parseJson(text)
  const { version = 0, ...fields } = fieldsOf(value) ?? {}
  if (typeof version === 'number' && version > kind.version) {
    throw new StorageError(
      'STATE_TOO_NEW',
      `A newer Stasis wrote ${path}: it is version ${version} of ${what}, but this Stasis supports version ${kind.version}`,
      { ...facts, hint: 'Use the newer Stasis again' },
    )
  }
  const isVersion = Number.isSafeInteger(version) && Number(version) >= 0
  const record = isVersion
    ? kind.parse(fieldsOf(value) === undefined ? value : fields, Number(version))
    : undefined
  if (record !== undefined) return record
  throw new StorageError('STATE_UNREADABLE', `${path} cannot be read as ${what}`, facts)
}

/** The value of a JSON text; `undefined` if it is not valid. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
