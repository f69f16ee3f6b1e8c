import { constants, readFileSync } from 'node:fs'
import { copyFile, link, lstat, open, rename, stat, unlink } from 'node:fs/promises'
import { StorageError } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { lockFile } from './locks/file-lock.ts'

/** Renames a file and replaces an existing one. Durable once the directory is flushed. @throws StorageError */
export async function renameFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    throw storageError(`put ${to} in place`, to, error)
  }
}

/**
 * Whether a file of any kind has this name; a dangling link counts. Only a name that does not exist is absent: a file that cannot be examined may
 * well exist.
 * @throws StorageError
 */
export function isThere(path: string): Promise<boolean> {
  return exists(lstat, path)
}

/** `isThere`, but a dangling link counts as absent. @throws StorageError */
export function isReachable(path: string): Promise<boolean> {
  return exists(stat, path)
}

/** Whether this name is a symbolic link. @throws StorageError */
export async function isSymbolicLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink()
  } catch (error) {
    if (isAbsence(error)) return false
    throw storageError('look for the file', path, error)
  }
}

async function exists(look: (path: string) => Promise<unknown>, path: string): Promise<boolean> {
  try {
    await look(path)
    return true
  } catch (error) {
    if (isAbsence(error)) return false
    throw storageError('look for the file', path, error)
  }
}

/** Whether an error of a file system call means that the name does not exist. */
export function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** Gives a file a further name, which must not exist (a hard link). @throws StorageError FILE_EXISTS and others */
export async function linkFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    throw storageError(`give ${from} another name`, to, error)
  }
}

/** Copies a file to a new name. @throws StorageError FILE_EXISTS and others */
export async function copyToNew(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL)
  } catch (error) {
    throw storageError(`copy ${from}`, to, error)
  }
}

/** Removes a file if it exists. @throws StorageError */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EISDIR') throw isDirectory(path)
    if (code !== 'ENOENT') throw storageError('remove the file', path, error)
  }
}

/** Flags for opening a file that another user could have put there: no link is followed, and no pipe is waited for. */
export const READ_PLAIN: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** A writer takes the lock of its new file a moment after creating it. */
const UNLOCKED_MOMENT_MS = 60_000

/** Removes a file whose lock is free: its writer, with pid `writer` if that is known, is dead. A file that cannot be opened or removed stays. */
export async function removeUnlocked(path: string, writer?: number): Promise<void> {
  await actUnlocked(path, writer, () => unlink(path))
}

/** Renames a file whose lock is free, and replaces an existing one. A file that cannot be opened or renamed keeps its name. */
export async function renameUnlocked(path: string, to: string): Promise<void> {
  await actUnlocked(path, undefined, () => rename(path, to))
}

async function actUnlocked(
  path: string,
  writer: number | undefined,
  act: () => Promise<void>,
): Promise<void> {
  // Another user may have put a pipe or a link there: do not wait for the one or follow the other.
  const handle = await open(path, READ_PLAIN).catch(() => undefined)
  if (handle === undefined) return
  try {
    const facts = await handle.stat()
    // In either direction: the clock may have been set back since.
    const ageMs = Math.abs(Date.now() - facts.mtimeMs)
    const mayBeNew = writer !== undefined && isRunning(writer) && ageMs < UNLOCKED_MOMENT_MS
    if (facts.isFile() && !mayBeNew && lockFile(handle.fd, path)) await act()
  } catch {
    // See above: it stays.
  } finally {
    await handle.close()
  }
}

/** A zombie, which nobody has reaped, writes no more; its pid is still there. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^ [ZX]/.test(stat.slice(stat.lastIndexOf(')') + 1))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== 'ENOENT' && code !== 'ESRCH'
  }
}

function isDirectory(path: string): StorageError {
  return new StorageError('IO_ERROR', `Could not remove ${path}: it is a directory, not a file`, {
    operation: 'remove the file',
    path,
    hint: 'Stasis did not make it. Check its content, and move it away',
  })
}
