import { constants } from 'node:fs'
import { mkdir, open, realpath, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StorageError, storageError } from '../errors.ts'
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
  const look = 'Look at what is in it before you trust it'
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
