import { link, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StorageError } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { READ_PLAIN, isAbsence } from '../files/file-names.ts'
import { PartialFile, syncDirectory } from '../files/partial-file.ts'
import { type WriteOptions, writeBytes } from './write-bytes.ts'
import { type SystemCallError, exchangeNames } from '../system-calls.ts'

/** Writes a small file; readers see the whole old text or the whole new one. @throws StorageError */
export async function writeText(path: string, text: string, options: WriteOptions): Promise<void> {
  await writeBytes(path, Buffer.from(text), options)
}

/** `writeText`, durable, unless the file exists: link(2) is atomic, on NFS too. Returns whether it was written. @throws StorageError */
export async function createText(path: string, text: string): Promise<boolean> {
  await using partial = await PartialFile.create(path, { direct: false })
  await partial.file.write(Buffer.from(text), 0)
  await partial.file.sync()
  try {
    await link(partial.file.path, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw storageError(`write ${path}`, path, error)
  }
  await syncDirectory(dirname(path))
  return true
}

/**
 * `writeText`, not durable, for an existing file with an expected text. Returns false and changes nothing when another process has removed or
 * replaced the file.
 * @throws StorageError
 */
export async function replaceText(
  path: string,
  text: string,
  isMeant: (before: string) => boolean = () => true,
): Promise<boolean> {
  try {
    // Disposing it removes whichever file has its temporary name then.
    await using partial = await PartialFile.create(path, { direct: false })
    const { finalPath, file } = partial
    await file.write(Buffer.from(text), 0)
    exchangeNames(file.path, finalPath)
    let meant = false
    try {
      meant = isMeant(await readFile(file.path, 'utf8'))
    } finally {
      if (!meant) exchangeNames(file.path, finalPath)
    }
    return meant
  } catch (error) {
    const { code } = error as SystemCallError | StorageError
    if (code === 'ENOENT' || code === 'FILE_NOT_FOUND') return false
    throw storageError(`write ${path}`, path, error)
  }
}

/**
 * The text of a file; `undefined` when the name does not exist. Does not read a link or a pipe, which another user may have put there.
 * @throws StorageError
 */
export async function readText(path: string): Promise<string | undefined> {
  try {
    await using handle = await open(path, READ_PLAIN)
    if ((await handle.stat()).isFile()) return await handle.readFile('utf8')
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw storageError('read the file', path, error)
  }
  throw new StorageError('IO_ERROR', `Could not read ${path}: it is not a regular file`, { path })
}
