import { readFile } from 'node:fs/promises'
import { DomainError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { type DomainEntry, findEntry } from './catalogue.ts'
import { readDefinition } from '../store/definitions.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { elsewhereError } from '../ownership/elsewhere.ts'

/** Selects an XML of a domain. */
export interface DomainXmlOptions extends DomainOptions {
  /** The XML of its definition, even while it runs from another. */
  readonly inactive?: boolean | undefined
}

/**
 * The XML of a domain as it is written down, given by name, UUID or id: the one that it runs from, or else that of its definition.
 * @throws DomainError DOMAIN_NOT_FOUND, StorageError
 */
export async function readDomainXml(
  reference: string,
  options: DomainXmlOptions = {},
): Promise<string> {
  const directories = await openDirectories(options)
  const entry = await findEntry(directories, reference)
  return entryXml(directories, options.inactive === true ? definedOnly(entry) : entry)
}

/** The XML of a domain that was found. @throws StorageError, DomainError when it no longer exists */
export async function entryXml(directories: Directories, entry: DomainEntry): Promise<string> {
  if (entry.record !== undefined) return readLiveXml(entry.paths)
  const xml = await readDefinition(directories, entry.name)
  if (xml !== undefined) return xml
  // The XML of a domain that only runs is where it runs.
  if (entry.elsewhere !== undefined) throw elsewhereError(entry.name, entry.elsewhere)
  throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${entry.name}' is not defined`)
}

/** The XML that a running domain was started from. @throws StorageError */
export async function readLiveXml(paths: RuntimePaths): Promise<string> {
  try {
    return await readFile(paths.liveXml, 'utf8')
  } catch (error) {
    throw storageError('read the XML of the running domain', paths.liveXml, error)
  }
}

/** A domain without a definition has only the XML that it runs from. */
export function definedOnly(entry: DomainEntry): DomainEntry {
  return entry.persistent ? { ...entry, record: undefined } : entry
}
