import { readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StorageError } from '../../../errors.ts'
import { checkOwnDirectory } from '../../../io/files/directory.ts'
import { isReachable, isSymbolicLink, isThere } from '../../../io/files/file-names.ts'
import { readRecordFile } from '../../../io/records/record-file.ts'
import type { Directories } from '../directories.ts'
import type { RuntimePaths } from '../runtime-paths.ts'
import { STATE_HOST, type SavePlace, stateHostPath } from '../state-host-record.ts'

/** The directory of managed saves in a state directory: a symbolic link if they are in another place. */
export function managedDirectory({ stateDir }: Pick<Directories, 'stateDir'>): string {
  return `${stateDir}/save`
}

/**
 * The directory with the managed saves at a place. The id is a part of its name. If the storage is not mounted, or is another one, the directory does not exist, so that nothing can be
 * written into an empty mount point.
 */
export function directoryOfSaves({ directory, id }: SavePlace): string {
  return join(directory, `stasis-saves-${id}`)
}

/** The recorded place of managed saves; `undefined` if they are in the state directory. @throws StorageError */
export async function readSavePlace({
  stateDir,
}: Pick<Directories, 'stateDir'>): Promise<SavePlace | undefined> {
  return (await readRecordFile(STATE_HOST, stateHostPath(stateDir)))?.saves
}

/**
 * Checks that the storage of the managed saves is there. Only then does a missing file mean that a domain has no managed save.
 * @throws StorageError STATE_MISSING, UNSAFE_DIRECTORY and others
 */
export async function requireSaves(directories: Pick<Directories, 'stateDir'>): Promise<void> {
  const link = managedDirectory(directories)
  const recorded = await readSavePlace(directories)
  if (recorded === undefined) {
    // A link that a person has made.
    if ((await isSymbolicLink(link)) && !(await isReachable(link))) throw missing(link, link)
    return
  }
  if (recorded.moving === true) throw betweenPlaces(recorded)
  const place = directoryOfSaves(recorded)
  if (!(await isReachable(place))) throw missingSaves(recorded)
  if ((await targetOf(link)) !== place) throw notLinked(link, place)
  await checkOwnDirectory(place)
}

/** Whether there is an image of a managed save or a safety copy at this path of the domain. @throws StorageError STATE_MISSING and others if that is unknown */
export async function isSaveThere(
  paths: RuntimePaths,
  which: 'managedSave' | 'safetyCopy',
): Promise<boolean> {
  if (await isThere(paths[which])) return true
  // Afterwards, because the storage may go away at any moment.
  await requireSaves({ stateDir: dirname(dirname(paths[which])) })
  return false
}

async function targetOf(link: string): Promise<string | undefined> {
  return readlink(link).catch(() => undefined)
}

/** The error for a place of managed saves whose storage is not mounted. */
export function missingSaves(place: SavePlace): StorageError {
  return missing(directoryOfSaves(place), place.directory)
}

function missing(path: string, directory: string): StorageError {
  return new StorageError(
    'STATE_MISSING',
    `The directory of the managed saves, ${path}, is not there`,
    {
      operation: 'look for managed saves',
      path,
      hint: `Mount its storage again, at the same path on every host: ${directory}. Until then nobody knows which domains have a managed save, so none of them is started`,
    },
  )
}

function notLinked(path: string, place: string): StorageError {
  return new StorageError('STATE_MISSING', `${path} does not lead to the managed saves`, {
    operation: 'look for managed saves',
    path,
    hint: `It must be a symbolic link to ${place}. If there is a directory in its place, look into it before you move it away: it may hold managed saves`,
  })
}

function betweenPlaces({ directory }: SavePlace): StorageError {
  return new StorageError(
    'STATE_MISSING',
    `The managed saves are being moved to ${directory}, or that was interrupted`,
    {
      operation: 'look for managed saves',
      path: directory,
      hint: '`stasis state-share` completes the move. Until then no domain is started',
    },
  )
}
