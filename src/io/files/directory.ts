import { constants, openSync } from 'node:fs'
import { chmod, chown, lstat, mkdir, open, readdir, realpath, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StorageError } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { isAbsence } from './file-names.ts'
import { syncDirectory } from './partial-file.ts'

/** Creates a directory of our own, mode 0700, and its parents, durably, unless it exists. @throws StorageError */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw storageError('make the directory', path, error)
  })
  if (first === undefined) return
  // A new directory is durable once its parent is.
  for (let made = path; made.length >= first.length; made = dirname(made))
    await syncDirectory(dirname(made))
}

/** The names in a directory; none when it does not exist. `operation` is for the error. @throws StorageError */
export async function namesIn(directory: string, operation: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    if (isAbsence(error)) return []
    throw storageError(operation, directory, error)
  })
}

/** A user and group of the system. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * Makes an empty directory, mode 0700, for the sockets of a process, which may belong to another user. Anything at the path is removed. The parent
 * must be a directory that only we can enter.
 * @throws StorageError
 */
export async function makeSocketDirectory(path: string, owner: Owner | undefined): Promise<void> {
  try {
    await removeTree(path)
    await mkdir(path, { mode: 0o700 })
    if (owner !== undefined) await chown(path, owner.uid, owner.gid)
  } catch (error) {
    throw storageError('make the directory', path, error)
  }
}

/** A descriptor of a directory, for another process to inherit. @throws StorageError */
export function openDirectoryDescriptor(path: string): number {
  try {
    return openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    throw storageError('open the directory', path, error)
  }
}

/** The owner and mode of a file; `undefined` when it does not exist. @throws StorageError */
export async function ownerAndMode(
  path: string,
): Promise<(Owner & { readonly mode: number }) | undefined> {
  try {
    const { uid, gid, mode } = await lstat(path)
    return { uid, gid, mode: mode & 0o7777 }
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw storageError('look at the owner', path, error)
  }
}

/** Sets owner and mode of a file or directory that is not a link. @throws StorageError */
export async function setOwnerAndMode(
  path: string,
  owner: Partial<Owner>,
  mode: number,
): Promise<void> {
  try {
    // A device is not opened for that, which could do something.
    await using handle = await open(path, O_PATH | constants.O_NOFOLLOW)
    const itself = `/proc/self/fd/${handle.fd}`
    const { uid, gid } = await handle.stat()
    await chown(itself, owner.uid ?? uid, owner.gid ?? gid)
    await chmod(itself, mode)
  } catch (error) {
    throw storageError('set owner and mode', path, error)
  }
}

/** Removes a file, or a directory with all that is in it, if it exists. @throws the error of Node */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
}

/** Linux open(2); Node has no name for it. */
const O_PATH = 0o10000000
const WRITABLE_BY_OTHERS = 0o022

/**
 * Checks that a directory, if it exists, belongs to us or to root, that no other user can write to it, and that it is not a symbolic link. Otherwise
 * another user could have put files into it, and could do so while we use it.
 * @throws StorageError UNSAFE_DIRECTORY and others
 */
export async function checkOwnDirectory(path: string): Promise<void> {
  const fault = await faultOf(path)
  if (fault === undefined) return
  throw new StorageError('UNSAFE_DIRECTORY', `${path} is not safe to use: ${fault.text}`, {
    operation: 'use the directory',
    path,
    hint: fault.hint,
  })
}

async function faultOf(
  path: string,
): Promise<{ readonly text: string; readonly hint: string } | undefined> {
  const look = 'Check its content before you trust it'
  try {
    await using handle = await open(path, O_PATH | constants.O_NOFOLLOW)
    const facts = await handle.stat()
    if (facts.isSymbolicLink()) {
      const place = await realpath(path).catch(() => 'the directory itself')
      return { text: 'it is a symbolic link', hint: `Use ${place} instead` }
    }
    if (!facts.isDirectory())
      return { text: 'it is not a directory', hint: 'Use another directory' }
    if (facts.uid !== process.geteuid?.() && facts.uid !== 0)
      return { text: `it belongs to user ${facts.uid}`, hint: `${look}, then \`chown\` it` }
    if ((facts.mode & WRITABLE_BY_OTHERS) !== 0)
      return { text: 'other users may write to it', hint: `${look}, then \`chmod go-w ${path}\`` }
    return undefined
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw storageError('look at the directory', path, error)
  }
}
