import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { storageError } from '../errors.ts'
import { syncDirectory } from './partial-file.ts'

/** Makes a directory of our own, mode 0700, and those above it, durably, unless it exists. @throws StorageError */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw storageError('make the directory', path, error)
  })
  if (first === undefined) return
  // A new directory is durable once the one that names it is.
  for (let made = path; made.length >= first.length; made = dirname(made))
    await syncDirectory(dirname(made))
}
