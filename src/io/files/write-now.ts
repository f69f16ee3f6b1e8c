import { writeSync } from 'node:fs'

/**
 * Writes to a descriptor without the event loop; returns the bytes that a pipe or terminal that does not block cannot take now.
 * @throws the error of the system call, such as EPIPE when nobody reads any more
 */
export function writeNow(fd: number, bytes: Uint8Array): Uint8Array {
  let rest = bytes
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      break
    }
  }
  return rest
}
