import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storageError } from '../errors.ts'

/** A directory of our own, mode 0700; disposing it removes it. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string
}

/** Makes a directory in the system's directory for temporary files. @throws StorageError */
export async function makeTemporaryDirectory(prefix: string): Promise<TemporaryDirectory> {
  const start = join(tmpdir(), prefix)
  try {
    const path = await mkdtemp(start)
    return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
  } catch (error) {
    throw storageError('make a temporary directory', start, error)
  }
}
