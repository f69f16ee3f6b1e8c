import { constants } from 'node:fs'
import { open, readdir, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { storageError } from '../errors.ts'
import { DirectFile } from './direct-file.ts'
import { removeUnlocked, renameFile } from './file-names.ts'
import { tryLock } from './system-calls.ts'

/**
 * A new file that is not complete. It is written as `.NAME.PID-N.partial` in the directory of its final path, with mode 0600, and locked for as long
 * as its writer lives. `publish()` makes it durable and renames it, replacing an existing file; disposing it unpublished removes it. The next writer
 * removes the files of killed writers.
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
  static async create(
    finalPath: string,
    options: { readonly direct: boolean },
  ): Promise<PartialFile> {
    await removeAbandoned(finalPath)
    const path = join(
      dirname(finalPath),
      `${prefix(finalPath)}${process.pid}-${nextNumber()}${SUFFIX}`,
    )
    const file = await DirectFile.open(path, 'create', options)
    tryLock(file.fd)
    return new PartialFile(finalPath, file)
  }

  /** Flushes the data, renames, flushes the directory: after this the file survives a crash. */
  async publish(): Promise<void> {
    await this.file.sync()
    // Closing releases the lock, which protects only the temporary name.
    await renameFile(this.file.path, this.finalPath)
    this.#published = true
    await this.file.close()
    await syncDirectory(dirname(this.finalPath))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close()
    if (!this.#published) await unlink(this.file.path).catch(() => undefined)
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

const SUFFIX = '.partial'
let number = 0

function nextNumber(): number {
  number += 1
  return number
}

function prefix(finalPath: string): string {
  return `.${basename(finalPath)}.`
}

/** Removes the temporary files that dead writers of a file left. @throws StorageError when its directory cannot be read */
export async function removeAbandoned(finalPath: string): Promise<void> {
  const directory = dirname(finalPath)
  const names = await readdir(directory).catch((error: unknown) => {
    throw storageError(`write to the directory ${directory}`, directory, error)
  })
  const candidates = names.filter(
    (name) =>
      name.startsWith(prefix(finalPath)) &&
      /^\d+-\d+\.partial$/.test(name.slice(prefix(finalPath).length)),
  )
  for (const name of candidates) {
    await removeUnlocked(join(directory, name))
  }
}
