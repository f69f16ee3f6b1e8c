import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { constants } from 'node:fs'
import { dirname } from 'node:path'
import { StorageError } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { isAbsence } from './file-names.ts'

const GROUP_AND_OTHERS = 0o022
const STICKY = 0o1000

/**
 * The text of a file that we obey, such as a configuration; `undefined` when the name does not exist. A symbolic link is followed.
 * @throws StorageError UNSAFE_FILE when another user could have written it; others
 */
export async function readTrustedText(path: string, maxBytes: number): Promise<string | undefined> {
  // Many places have none: this is all that it costs then.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      if (isAbsence(error)) return undefined
      throw storageError('read the file', path, error)
    },
  )
  if (handle === undefined) return undefined
  await using opened = handle
  await requireOwn(path, opened)
  try {
    const { size } = await opened.stat()
    if (size <= maxBytes) return await opened.readFile('utf8')
  } catch (error) {
    throw storageError('read the file', path, error)
  }
  throw new StorageError('IO_ERROR', `${path} is too long: more than ${maxBytes} bytes`, { path })
}

/** Checks a program before it is run. A symbolic link is followed. @throws StorageError UNSAFE_FILE, FILE_NOT_FOUND and others */
export async function checkTrustedProgram(path: string): Promise<void> {
  await requireOwn(path, undefined)
}

/** The file itself, and every directory above it: a user who can write to one of those can put another file there. */
async function requireOwn(path: string, handle: FileHandle | undefined): Promise<void> {
  let fault: string | undefined
  try {
    const real = await realpath(path)
    const file = handle === undefined ? await stat(real) : await handle.stat()
    fault = file.isFile() ? faultOf(path, file) : `${path} is not a regular file`
    for (let at = real; fault === undefined && at !== '/';) {
      at = dirname(at)
      const facts = await stat(at)
      // In a sticky directory, such as /tmp, nobody else can rename our files.
      const sticky = facts.uid === 0 && (facts.mode & STICKY) !== 0
      fault = sticky ? undefined : faultOf(at, facts)
    }
  } catch (error) {
    throw storageError('look at the file', path, error)
  }
  if (fault === undefined) return
  throw new StorageError('UNSAFE_FILE', `${path} is not safe to use: ${fault}`, {
    operation: 'use the file',
    path,
    hint: 'Check its content before you trust it. Only root, or the user who runs Stasis, may be able to write there',
  })
}

function faultOf(
  path: string,
  { uid, mode }: { readonly uid: number; readonly mode: number },
): string | undefined {
  if (uid !== 0 && uid !== process.geteuid?.()) return `${path} belongs to user ${uid}`
  return (mode & GROUP_AND_OTHERS) === 0 ? undefined : `other users may write to ${path}`
}
