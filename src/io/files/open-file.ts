import { constants, fstatSync, openSync } from 'node:fs'
import { cloneRange, closeDescriptor } from '../system-calls.ts'
import { storageError } from '../storage-error.ts'

/** Opens a regular file for reading, for another process to inherit. @throws StorageError */
export function openForReading(path: string): { readonly fd: number; readonly size: number } {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    return { fd, size: fstatSync(fd).size }
  } catch (error) {
    throw storageError('open the file', path, error)
  }
}

const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY

/**
 * A file without a name in `directory` that shares the blocks of a range of an open file (a reflink); `undefined` where the file system does not
 * support it.
 * @throws SystemCallError
 */
export function openClone(
  directory: string,
  from: number,
  range: { readonly offset: number; readonly length: number },
): number | undefined {
  let to: number
  try {
    to = openSync(directory, O_TMPFILE | constants.O_RDWR, 0o600)
  } catch {
    return undefined
  }
  try {
    if (cloneRange(from, range.offset, range.length, to)) return to
  } catch (error) {
    closeDescriptor(to)
    throw error
  }
  closeDescriptor(to)
  return undefined
}

/** Opens an open file a second time, whatever its name is now. @throws StorageError */
export function openAgain(
  fd: number,
  { access, direct }: { readonly access: 'read' | 'write'; readonly direct: boolean },
): number {
  const path = `/proc/self/fd/${fd}`
  const mode = access === 'read' ? constants.O_RDONLY : constants.O_WRONLY
  try {
    return openSync(path, mode | (direct ? constants.O_DIRECT : 0))
  } catch (error) {
    throw storageError('open the file again', path, error)
  }
}
