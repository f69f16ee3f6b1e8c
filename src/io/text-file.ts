import { open, readFile } from 'node:fs/promises'
import { StorageError, storageError } from '../errors.ts'
import { faultPoint } from './fault-point.ts'
import { READ_PLAIN, isAbsence } from './file-names.ts'
import { PartialFile } from './partial-file.ts'
import { type SystemCallError, exchangeNames } from './system-calls.ts'

/** How a text is written. */
export interface WriteTextOptions {
  /** Whether it must survive a crash of the host; what is of use only as long as a process lives need not. */
  readonly durable: boolean
}

/** Writes a small file, mode 0600, so that others see the old text or the new one, whole. @throws StorageError */
export async function writeText(
  path: string,
  text: string,
  { durable }: WriteTextOptions,
): Promise<void> {
  await using partial = await PartialFile.create(path, { direct: false })
  await partial.file.write(Buffer.from(text), 0)
  await (durable ? partial.publish() : partial.place())
}

/**
 * `writeText`, not durable, for a file that must be there already with a text that is meant: gives false, and leaves all as it is,
 * when somebody has removed it, or put another in its place.
 * @throws StorageError
 */
export async function replaceText(
  path: string,
  text: string,
  isMeant: (before: string) => boolean = () => true,
): Promise<boolean> {
  try {
    // Disposing it removes what has its temporary name then.
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
 * The text of a file; `undefined` when nothing has this name. What somebody may have put there in its place, such as a link or a
 * pipe, is not read.
 * @throws StorageError
 */
export async function readText(path: string): Promise<string | undefined> {
  try {
    faultPoint('open', path)
    await using handle = await open(path, READ_PLAIN)
    if ((await handle.stat()).isFile()) return await handle.readFile('utf8')
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw storageError('read the file', path, error)
  }
  throw new StorageError('IO_ERROR', `Could not read ${path}: it is not a regular file`, { path })
}
