import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { storageError } from '../storage-error.ts'
import { syncDirectory } from './partial-file.ts'

/** Makes what was written to a file durable, whoever wrote it (fdatasync(2)). @throws StorageError */
export async function flushFile(path: string): Promise<void> {
  try {
    await using file = await open(path, 'r')
    await file.datasync()
  } catch (error) {
    throw storageError('flush the file', path, error)
  }
}

/** `flushFile` for a new file: its name becomes durable, too. @throws StorageError */
export async function flushNewFile(path: string): Promise<void> {
  await flushFile(path)
  await syncDirectory(dirname(path))
}
