import { readFileSync, readdirSync } from 'node:fs'
import { storageError } from '../storage-error.ts'
import { isAbsence } from '../files/file-names.ts'
import { setCloseOnExec } from '../system-calls.ts'

/** Node itself marks those that it inherits up to here, and all that it opens (libuv `uv_disable_stdio_inheritance`). */
const MARKED_BY_NODE = 16

/** O_CLOEXEC in `/proc/PID/fdinfo`. */
const CLOSE_ON_EXEC = 0o2000000

const DIRECTORY = '/proc/self/fd'

/**
 * Lets no program that is started from now on inherit a descriptor that this process inherited from its own parent.
 * @throws StorageError when this is not certain
 */
export function closeOnExec(): void {
  try {
    for (const name of readdirSync(DIRECTORY)) {
      const fd = Number(name)
      if (fd <= MARKED_BY_NODE) continue
      const flags = flagsOf(fd)
      if (flags !== undefined && (flags & CLOSE_ON_EXEC) === 0) setCloseOnExec(fd)
    }
  } catch (error) {
    throw storageError('look at the open files of this process', DIRECTORY, error)
  }
}

/** `undefined` for a descriptor that is closed meanwhile, as that of the directory of descriptors is. */
function flagsOf(fd: number): number | undefined {
  try {
    const [, flags] =
      /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? []
    return flags === undefined ? undefined : Number.parseInt(flags, 8)
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw error
  }
}
