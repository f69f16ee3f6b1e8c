import { open } from 'node:fs/promises'
import { storageError } from '../storage-error.ts'
import { READ_PLAIN } from './file-names.ts'

/** The content of a file that another user wrote: never that of another file behind a link, and at most `maxBytes`; `undefined` when it is not such a file. @throws StorageError */
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
