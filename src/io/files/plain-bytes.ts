import { open } from 'node:fs/promises'
import { storageError } from '../storage-error.ts'
import { READ_PLAIN } from './file-names.ts'

/** The content of a file that another user wrote; `undefined` unless it is a regular file of at most `maxBytes`. Follows no link to another file. @throws StorageError */
export async function readPlainBytes(
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path, READ_PLAIN)
    const facts = await file.stat()
    return facts.isFile() && facts.size <= maxBytes ? await file.readFile() : undefined
  } catch (error) {
    throw storageError('read the file', path, error)
  }
}
