import { closeSync, openSync, statSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { storageError } from '../storage-error.ts'
import { tryLock } from '../system-calls.ts'

/** A younger one may not be locked yet. */
const LEAST_AGE_MS = 60_000

/** The file that the process locks. It is not the directory itself: a process that publishes an image locks that (`io/files/locks/directory-lock.ts`). */
const LOCK = '.lock'

/**
 * A directory of our own, mode 0700, for files that must not outlive this process by their names. Disposing it removes it; a process that was killed leaves
 * it, and the next one removes it.
 */
export class MemoryDirectory implements AsyncDisposable {
  readonly path: string
  readonly #fd: number

  private constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  /** Makes one in `parent`, with a name that begins with `prefix`. @throws StorageError */
  static async make(parent: string, prefix: string): Promise<MemoryDirectory> {
    try {
      await removeLeft(parent, prefix)
      const path = await mkdtemp(join(parent, prefix))
      const fd = openSync(join(path, LOCK), 'wx', 0o600)
      tryLock(fd)
      return new MemoryDirectory(path, fd)
    } catch (error) {
      throw storageError('make a directory for memory', join(parent, prefix), error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
    closeSync(this.#fd)
  }
}

/** Removes what processes have left that were killed. */
async function removeLeft(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await removeUnlocked(join(parent, name))
  }
}

async function removeUnlocked(path: string): Promise<void> {
  const facts = statSync(path, { throwIfNoEntry: false })
  if (facts?.isDirectory() !== true || facts.uid !== process.getuid?.()) return
  if (Date.now() - facts.mtimeMs < LEAST_AGE_MS) return
  const fd = openToLock(join(path, LOCK))
  try {
    if (fd === undefined || tryLock(fd)) await rm(path, { recursive: true, force: true })
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** `undefined`: the process was killed before it had made the file. */
function openToLock(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
