import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DomainError, StasisError, StorageError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { isAbsence, isThere } from '../../io/files/file-names.ts'
import { readText } from '../../io/records/text-file.ts'
import { checkReference } from '../store/check-options.ts'
import { textOfRootChild } from '../../qemu/domain-xml/tags.ts'
import { isDefined, listDefinitions, readDefinition } from '../store/definitions.ts'
import type { Directories } from '../store/directories.ts'
import { isDomainName } from '../store/domain-name.ts'
import { type LastEnd, readLastEnd, whereSaved } from '../store/last-end.ts'
import { type Elsewhere, elsewhereOf } from '../ownership/elsewhere.ts'
import { foreignHostFault, isShared, requireOwnHost } from '../ownership/state-host.ts'
import { listOwned } from '../ownership/owner.ts'
import { ABSENT, type Presence, observe } from './presence.ts'
import { LIVE_XML, type RuntimePaths, isDigest, runtimePaths } from '../store/runtime-paths.ts'

/** An existing domain: defined, running or both. */
export interface DomainEntry extends Presence {
  readonly name: string
  readonly paths: RuntimePaths
  /** Whether it is defined. */
  readonly persistent: boolean
  /** Another host that has it, if the state directory is shared. */
  readonly elsewhere: Elsewhere | undefined
  /** Why it is unknown whether the domain runs, for example that its record is unreadable. `record` is `undefined` then. */
  readonly fault: StasisError | undefined
}

/**
 * All domains that are defined or run, by name. Writes, removes and ends nothing. An unreadable domain does not hide the others: it has a `fault`.
 * @throws StorageError
 */
export async function listEntries(directories: Directories): Promise<readonly DomainEntry[]> {
  const defined = await listDefinitions(directories)
  const shared = await isShared(directories)
  const owned = shared ? await listOwned(directories) : []
  const names = new Set([...defined, ...(await listRuntimes(directories)), ...owned])
  const entries = await Promise.all(
    [...names].toSorted().map((name) => read(directories, name, shared)),
  )
  return entries.filter((entry) => entry !== undefined)
}

/**
 * Finds a domain by a person's reference: its name, or else its UUID, or else its id (the pid of its QEMU).
 * @throws DomainError DOMAIN_NOT_FOUND, UsageError; StorageError, STATE_UNREADABLE and STATE_TOO_NEW if it is unknown whether the domain runs
 */
export async function findEntry(directories: Directories, reference: string): Promise<DomainEntry> {
  const entry = await findAnyEntry(directories, reference)
  if (entry.fault !== undefined) throw entry.fault
  return entry
}

/** Like `findEntry`, but finds a domain with a `fault` too. @throws DomainError DOMAIN_NOT_FOUND, UsageError, StorageError */
export async function findAnyEntry(
  directories: Directories,
  reference: string,
): Promise<DomainEntry> {
  checkReference(reference)
  const named = isDomainName(reference)
    ? await read(directories, reference, await isShared(directories))
    : undefined
  if (named !== undefined) return named
  for (const entry of await listEntries(directories)) {
    const uuid = await uuidOf(directories, entry)
    if (uuid === reference.toLowerCase() || String(entry.record?.pid) === reference) return entry
  }
  const saved = await savedAs(directories, reference)
  throw new DomainError('DOMAIN_NOT_FOUND', `There is no domain '${reference}'`, {
    hint: saved ?? `\`stasis list --all\` shows the domains in ${directories.stateDir}`,
  })
}

/** Describes where a domain is that had no definition and is gone because it was saved. */
async function savedAs(directories: Directories, name: string): Promise<string | undefined> {
  if (!isDomainName(name)) return undefined
  const paths = runtimePaths(directories, name)
  const { end } = await observe(paths)
  return whereSaved(paths, end ?? (await readLastEnd(paths)))
}

/** How a domain last ended, if it does not run and that is known. @throws StorageError */
export async function lastEndOf({
  paths,
  record,
  end,
  elsewhere,
}: Pick<DomainEntry, 'paths' | 'record' | 'end'> &
  Partial<Pick<DomainEntry, 'elsewhere'>>): Promise<LastEnd | undefined> {
  return record === undefined && elsewhere === undefined
    ? (end ?? (await readLastEnd(paths)))
    : undefined
}

/** The UUID of a domain; empty when it is not running and its definition has none. */
export async function uuidOf(directories: Directories, entry: DomainEntry): Promise<string> {
  if (entry.record !== undefined) return entry.record.uuid
  const live = entry.fault === undefined ? undefined : await readText(entry.paths.liveXml)
  const xml = live ?? (await readDefinition(directories, entry.name))
  return xml === undefined ? '' : (textOfRootChild(xml, 'uuid')?.trim() ?? '')
}

async function read(
  directories: Directories,
  name: string,
  shared: boolean,
): Promise<DomainEntry | undefined> {
  const paths = runtimePaths(directories, name)
  const persistent = await isDefined(directories, name)
  try {
    const presence = await observe(paths)
    // The process of another host cannot be seen from here.
    if (presence.record === undefined && (await isThere(paths.process)))
      await requireOwnHost(directories)
    const elsewhere =
      shared && presence.record === undefined ? await elsewhereOf(directories, name) : undefined
    if (!persistent && presence.record === undefined && elsewhere === undefined) return undefined
    return { ...presence, name, paths, persistent, elsewhere, fault: undefined }
  } catch (error) {
    if (!(error instanceof StasisError)) throw error
    const fault = (await foreignHostFault(directories).catch(() => undefined)) ?? error
    return { ...ABSENT, name, paths, persistent, elsewhere: undefined, fault }
  }
}

/** The names of all runtime directories. @throws StorageError */
export async function listRuntimes(directories: Directories): Promise<readonly string[]> {
  try {
    const entries = await readdir(directories.runtimeDir, { withFileTypes: true })
    const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
    const found = await Promise.all(names.map((name) => nameIn(directories.runtimeDir, name)))
    return found.filter((name) => name !== undefined)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw storageError('list the running domains', directories.runtimeDir, error)
  }
}

/** The domain of a runtime directory; `undefined` when no QEMU was started in one whose name is only a digest. */
async function nameIn(runtimeDir: string, directory: string): Promise<string | undefined> {
  if (!isDigest(directory)) return directory
  const path = join(runtimeDir, directory, LIVE_XML)
  try {
    const name = textOfRootChild(await readFile(path, 'utf8'), 'name')
    if (name !== undefined) return name
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw storageError('read the XML', path, error)
  }
  throw new StorageError('STATE_UNREADABLE', `${path} is not the XML of a domain`, { path })
}
