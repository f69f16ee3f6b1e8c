import { constants } from 'node:fs'
import { open, readdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { rewrapped, storageError } from '../storage-error.ts'
import { DirectFile } from './direct-file.ts'
import { hostTag } from '../host-id.ts'
import { isThere, removeFile, removeUnlocked, renameFile } from './file-names.ts'
import { lockFile } from './locks/file-lock.ts'
import { besideOf, placeOf, temporaryPrefix } from './file-place.ts'
import { type Placed, putInPlace } from './put-in-place.ts'

/**
 * A new file that is not complete. It is written as `.NAME.PID-N-HOST.partial` in the directory of its final path, with mode 0600, and locked for as long
 * as its writer lives. `publish()` makes it durable and renames it; disposing it unpublished removes it. The next writer removes the files of killed
 * writers. A symbolic link at the final path stays: the file is at the target of the link.
 */
export class PartialFile implements AsyncDisposable {
  readonly finalPath: string
  readonly file: DirectFile
  #published = false

  private constructor(finalPath: string, file: DirectFile) {
    this.finalPath = finalPath
    this.file = file
  }

  /** @throws StorageError */
  static async create(path: string, options: { readonly direct: boolean }): Promise<PartialFile> {
    const finalPath = await placeOf(path)
    await removeAbandoned(finalPath)
    const file = await DirectFile.open(temporaryName(finalPath), 'create', options)
    try {
      lockFile(file.fd, file.path)
    } catch (error) {
      await file.close().catch(() => undefined)
      await unlink(file.path).catch(() => undefined)
      throw storageError('lock the file', file.path, error)
    }
    return new PartialFile(finalPath, file)
  }

  /**
   * Flushes the data, renames the file, flushes the directory: after this the file survives a crash. Only then an older file of that name is removed.
   * After a failure, the older file is in its place again (see `putInPlace` for file systems that do not support this).
   * @throws StorageError
   */
  async publish(): Promise<void> {
    await this.file.sync()
    const directory = dirname(this.finalPath)
    const placed = await putInPlace(this.file.path, this.finalPath, () =>
      temporaryName(this.finalPath),
    )
    try {
      await syncDirectory(directory)
    } catch (error) {
      throw await this.#takeBack(placed, error)
    }
    // The commit point: from here on nothing fails and nothing is undone.
    this.#published = true
    await placed.commit()
    // Closing releases the lock, which protects only the temporary name.
    await this.file.close().catch(() => undefined)
  }

  /**
   * Renames the file at once and flushes nothing: for a file that is useful only as long as a process lives.
   * @throws StorageError
   */
  async place(): Promise<void> {
    await renameFile(this.file.path, this.finalPath)
    this.#published = true
    await this.file.close()
  }

  /** Restores the older file. Returns the error to report. */
  async #takeBack(placed: Placed, cause: unknown): Promise<unknown> {
    const { done, olderAt } = await placed.undo()
    if (done) return cause
    // The older file may have the temporary name now, so it stays.
    this.#published = true
    await this.file.close().catch(() => undefined)
    if (olderAt === undefined) return cause
    return rewrapped(storageError('put the file in place', this.finalPath, cause), {
      message: `Could not put ${this.finalPath} in place, nor put the older file back: the older file is ${olderAt}`,
      hint: `Rename ${olderAt} to ${this.finalPath} when the file system works again`,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#published) return
    await this.file.close().catch(() => undefined)
    await unlink(this.file.path).catch(() => undefined)
  }
}

/** Flushes a directory, so that a rename or removal in it is durable. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    await using handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    await handle.sync()
  } catch (error) {
    throw storageError(`flush the directory ${path}`, path, error)
  }
}

/** Flushes a file that another program has written. */
export async function syncFile(path: string): Promise<void> {
  try {
    await using handle = await open(path, constants.O_RDONLY)
    await handle.sync()
  } catch (error) {
    throw storageError(`flush ${path}`, path, error)
  }
}

/**
 * Flushes a directory after a change of its names that nobody can undo. Returns a warning when that fails: then a power cut may undo the change.
 * `change` is a sentence: `/a is removed`.
 */
export async function flushChange(directory: string, change: string): Promise<string | undefined> {
  try {
    await syncDirectory(directory)
    return undefined
  } catch (error) {
    return `${change}, but a power cut may undo this: ${messageOf(error)}`
  }
}

/**
 * Removes a file durably, if it exists. Returns a warning for a file that is removed, and may be there again after a power cut.
 * @throws StorageError when the file is not removed
 */
export async function removeDurably(path: string, change: string): Promise<string | undefined> {
  if (!(await isThere(path))) return undefined
  await removeFile(path)
  return flushChange(dirname(path), change)
}

let number = 0

function temporaryName(finalPath: string): string {
  number += 1
  return besideOf(finalPath, `${process.pid}-${number}-${hostTag()}.partial`)
}

/** Removes the temporary files that dead writers of any file left in a directory; there are none when it does not exist. @throws StorageError */
export async function removeAllAbandoned(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw storageError(`read the directory ${directory}`, directory, error)
  })
  for (const name of names) {
    const [, ending = ''] = /^\..+\.([^.]+\.partial)$/.exec(name) ?? []
    const writer = writerIn(ending)
    if (writer?.isOfThisHost === true) await removeUnlocked(join(directory, name), writer.pid)
  }
}

/**
 * Removes the temporary files that dead writers of a file left. Those of other hosts stay, because their writers cannot be seen from here; with
 * `ofAnyHost` the caller knows that no host writes the file. @throws StorageError when its directory cannot be read
 */
export async function removeAbandoned(
  finalPath: string,
  { ofAnyHost = false }: { readonly ofAnyHost?: boolean } = {},
): Promise<void> {
  const directory = dirname(finalPath)
  const names = await readdir(directory).catch((error: unknown) => {
    throw storageError(`write to the directory ${directory}`, directory, error)
  })
  const prefix = temporaryPrefix(finalPath)
  for (const name of names) {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    const writer = writerIn(rest)
    if (writer?.isOfThisHost === true) await removeUnlocked(join(directory, name), writer.pid)
    else if (writer !== undefined && ofAnyHost) await removeUnlocked(join(directory, name))
  }
}

/** The writer in the ending of a temporary file. Before endings named the host, there was only one. */
function writerIn(
  ending: string,
): { readonly pid: number; readonly isOfThisHost: boolean } | undefined {
  const [, pid, , host] = /^(\d+)-\d+(-([0-9a-f]{8}))?\.partial$/.exec(ending) ?? []
  if (pid === undefined) return undefined
  return { pid: Number(pid), isOfThisHost: host === undefined || host === hostTag() }
}
