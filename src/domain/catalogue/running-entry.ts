import { DomainError } from '../../errors.ts'
import type { Directories } from '../store/directories.ts'
import { elsewhereError } from '../ownership/elsewhere.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'
import { type DomainEntry, findEntry } from './catalogue.ts'

/** A domain that runs. */
export interface RunningEntry extends DomainEntry {
  readonly record: RuntimeRecord
}

/** Finds a running domain by name, UUID or id. @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING; UsageError, StorageError */
export async function findRunning(
  directories: Directories,
  reference: string,
): Promise<RunningEntry> {
  const entry = await findEntry(directories, reference)
  const { record, name, elsewhere } = entry
  if (record !== undefined) return { ...entry, record }
  if (elsewhere !== undefined) throw elsewhereError(name, elsewhere)
  throw new DomainError('DOMAIN_NOT_RUNNING', `Domain '${name}' is not running`)
}
