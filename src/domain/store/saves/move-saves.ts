import type { Stats } from 'node:fs'
import { lstat, realpath, rename, rmdir, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { StorageError, throwIfCancelled } from '../../../errors.ts'
import { copyFileDurably } from '../../../io/files/copy-file.ts'
import { lockDirectory } from '../../../io/files/locks/directory-lock.ts'
import { namesIn } from '../../../io/files/directory.ts'
import {
  isAbsence,
  isReachable,
  isSymbolicLink,
  isThere,
  removeFile,
} from '../../../io/files/file-names.ts'
import { syncDirectory } from '../../../io/files/partial-file.ts'
import { storageError } from '../../../io/storage-error.ts'
import type { Directories } from '../directories.ts'
import { directoryOfSaves, managedDirectory, missingSaves } from './save-directory.ts'
import type { SavePlace } from '../state-host-record.ts'

/** The names of all files of managed saves, wherever they are now. @throws StorageError */
export async function saveFiles(
  directories: Pick<Directories, 'stateDir'>,
  to: SavePlace | undefined,
): Promise<readonly string[]> {
  const from = await formerPlace(directories)
  const places = [from, to && directoryOfSaves(to)].filter((place) => place !== undefined)
  const found = await Promise.all(places.map((place) => filesIn(place)))
  return [...new Set(found.flat())]
}

/**
 * Checks that everything in the present directory of managed saves can be moved, before any of it is.
 * @throws StorageError STATE_MISSING, FILE_EXISTS and others
 */
export async function checkMovable(directories: Pick<Directories, 'stateDir'>): Promise<void> {
  const link = managedDirectory(directories)
  const from = await formerPlace(directories)
  if (from === undefined) return
  const isLinked = await isSymbolicLink(link)
  if (!isLinked && (await deviceOf(from)) !== (await deviceOf(directories.stateDir)))
    throw notMovable(from, 'it is a mount point', 'Move the files in it away, and unmount it')
  for (const { name, facts } of await entriesOf(from)) {
    // The storage that a link leads to may have other things, such as `lost+found`.
    if (facts.isFile() || (isLinked && facts.isDirectory())) continue
    throw notMovable(from, `${name} in it is not a regular file`, 'Move it away')
  }
}

/**
 * Moves the managed saves to their recorded place, durably, and lets `save` lead there. Every file is whole at one place or both at every moment, and its name counts only when all of
 * them are moved. After an interruption it can be repeated. Callers make sure that no command uses the saves. `onFile` is called after each file.
 * @throws StorageError, CancelledError
 */
export async function moveSaveFiles(
  directories: Pick<Directories, 'stateDir'>,
  to: SavePlace,
  options: {
    readonly signal?: AbortSignal | undefined
    readonly onFile?: ((name: string) => void) | undefined
  } = {},
): Promise<void> {
  const { signal, onFile } = options
  const place = directoryOfSaves(to)
  // Made just before the place was recorded: where it is missing now, its storage is not mounted.
  if (!(await isReachable(place))) throw missingSaves(to)
  const from = await formerPlace(directories)
  if (from !== undefined && from !== (await realpath(place))) {
    await using _lock = await lockDirectory(from)
    for (const name of await filesIn(from)) {
      throwIfCancelled('move the managed saves', signal)
      await moveFile(join(from, name), join(place, name), signal)
      onFile?.(name)
    }
    await syncDirectory(place)
    await syncDirectory(from)
    await removeFormer(directories, from)
  }
  await linkTo(directories, to, place)
}

/** The directory that `save` leads to; `undefined` if there is none. @throws StorageError STATE_MISSING when a link leads nowhere */
async function formerPlace(
  directories: Pick<Directories, 'stateDir'>,
): Promise<string | undefined> {
  const link = managedDirectory(directories)
  if (!(await isThere(link))) return undefined
  if (!(await isReachable(link))) {
    throw new StorageError('STATE_MISSING', `The directory that ${link} leads to is not there`, {
      operation: 'move the managed saves',
      path: link,
      hint: 'Mount its storage again, so that its managed saves can be moved',
    })
  }
  return realpath(link).catch((error: unknown) => {
    throw storageError('move the managed saves', link, error)
  })
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await entriesOf(directory)
  return entries.filter(({ facts }) => facts.isFile()).map(({ name }) => name)
}

async function entriesOf(
  directory: string,
): Promise<readonly { readonly name: string; readonly facts: Stats }[]> {
  const names = await namesIn(directory, 'list the managed saves')
  const entries = await Promise.all(
    names.toSorted().map(async (name) => ({ name, facts: await factsOf(join(directory, name)) })),
  )
  // One file that is gone meanwhile says nothing about the others.
  return entries.flatMap(({ name, facts }) => (facts === undefined ? [] : [{ name, facts }]))
}

async function factsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw storageError('list the managed saves', path, error)
  }
}

/** A file that is at both places was copied just before an interruption: a copy gets its name when it is complete. */
async function moveFile(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  if (await isThere(to)) {
    if ((await stat(from)).size !== (await stat(to)).size)
      throw notMovable(from, `${to} exists and is another file`, 'Move one of them away')
    await removeFile(from)
    return
  }
  try {
    await rename(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV')
      throw storageError('move the managed save', from, error)
    await copyFileDurably(from, to, signal)
    await removeFile(from)
  }
}

/** The directory in the state directory makes way for the link. One elsewhere may stay. */
async function removeFormer(
  directories: Pick<Directories, 'stateDir'>,
  from: string,
): Promise<void> {
  const isLinked = await isSymbolicLink(managedDirectory(directories))
  await rmdir(from).catch((error: unknown) => {
    if (!isLinked) throw storageError('replace the directory by a link', from, error)
  })
}

async function linkTo(
  directories: Pick<Directories, 'stateDir'>,
  { id }: SavePlace,
  place: string,
): Promise<void> {
  const link = managedDirectory(directories)
  const made = join(directories.stateDir, `.save-${id}`)
  await removeFile(made)
  try {
    await symlink(place, made)
    await rename(made, link)
  } catch (error) {
    throw storageError('let the state directory lead to the managed saves', link, error)
  }
  await syncDirectory(directories.stateDir)
}

async function deviceOf(path: string): Promise<number> {
  const facts = await stat(path).catch((error: unknown) => {
    throw storageError('look at the directory', path, error)
  })
  return facts.dev
}

function notMovable(path: string, reason: string, hint: string): StorageError {
  return new StorageError('FILE_EXISTS', `${path} cannot be moved: ${reason}`, {
    operation: 'move the managed saves',
    path,
    hint,
  })
}
