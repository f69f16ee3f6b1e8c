import { readFile, readlink } from 'node:fs/promises'
import { storageError } from '../../io/storage-error.ts'

/**
 * The content of a process's file in /proc (`stat`, `cmdline`, …); `undefined` when there is no such process. A failure to read it, for lack of
 * descriptors for example, does not mean that the process is gone.
 * @throws StorageError
 */
export async function readProcessFile(pid: number, name: string): Promise<string | undefined> {
  const path = `/proc/${pid}/${name}`
  try {
    return await readFile(path, 'latin1')
  } catch (error) {
    if (isGone(error)) return undefined
    throw storageError(`look at process ${pid}`, path, error)
  }
}

/** The arguments of a process, its name first; empty when it is gone. @throws StorageError */
export async function commandLineOf(pid: number): Promise<readonly string[]> {
  const text = await readProcessFile(pid, 'cmdline')
  return Buffer.from(text ?? '', 'latin1')
    .toString('utf8')
    .split('\0')
    .slice(0, -1)
}

/**
 * The executable of a process; `undefined` when it is gone or not accessible. The name of a file that was replaced since is still its name.
 * @throws StorageError
 */
export async function executableOf(pid: number): Promise<string | undefined> {
  const path = `/proc/${pid}/exe`
  try {
    return (await readlink(path)).replace(/ \(deleted\)$/, '')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (isGone(error) || code === 'EACCES' || code === 'EPERM') return undefined
    throw storageError(`look at process ${pid}`, path, error)
  }
}

/** Opening a file of a process that is gone fails with ENOENT, reading an open one with ESRCH. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ESRCH'
}
