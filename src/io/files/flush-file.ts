import { open } from 'node:fs/promises'
import { storageError } from '../storage-error.ts'

/** Makes what was written to a file durable, whoever wrote it (fdatasync(2)). @throws StorageError */
export async function flushFile(path: string): Promise<void> {
  try {
    await using file = await open(path, 'r')
    await file.datasync()
  } catch (error) {
    throw storageError('flush the file', path, error)
  }
}
