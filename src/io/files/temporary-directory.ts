import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storageError } from '../storage-error.ts'

/** A directory of our own, mode 0700; disposing it removes it. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string
}

/** Makes a directory in `TMPDIR`, or else, where that is missing or cannot be written, in a directory of the system. @throws StorageError */
export async function makeTemporaryDirectory(prefix: string): Promise<TemporaryDirectory> {
  let fault: unknown
  for (const parent of new Set([tmpdir(), '/tmp', '/var/tmp', '/dev/shm'])) {
    try {
      const path = await mkdtemp(join(parent, prefix))
      return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
    } catch (error) {
      fault ??= error
    }
  }
  throw storageError('make a temporary directory', join(tmpdir(), prefix), fault)
}
