import { constants, openSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { storageError } from '../storage-error.ts'

const writeAt = promisify(write)

const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY

/** Opens a file without a name in `directory`, for data that only this process needs. It ends with its descriptor. @throws StorageError */
export function openSpoolFile(directory: string): number {
  try {
    return openSync(directory, O_TMPFILE | constants.O_RDWR, 0o600)
  } catch (error) {
    throw storageError('make a temporary file', directory, error)
  }
}

/** Writes through the page cache, without the event loop: for threads that do nothing else. @throws the error of the system call */
export function writeSpool(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done)
}

/** Writes through the page cache. @throws the error of the system call */
export async function writeSpoolLater(
  fd: number,
  bytes: Uint8Array,
  offset: number,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await writeAt(fd, bytes, done, bytes.length - done, offset + done)
    done += bytesWritten
  }
}
