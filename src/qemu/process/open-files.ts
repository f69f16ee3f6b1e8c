import { readdir, readlink, stat } from 'node:fs/promises'
import { isMemoryFile } from '../../io/memory/memory-file.ts'
import { storageError } from '../../io/storage-error.ts'

/** A regular file or block device that a process has open. */
export interface OpenFile {
  /** The kernel's name for it; a removed file has ` (deleted)` appended. */
  readonly path: string
  /** Device and inode, see `fileKey`. */
  readonly key: string
  /** The file has no name in any directory. */
  readonly removed: boolean
}

/** Device and inode: equal for two paths of the same file. For a block device, its number. */
export function fileKey(facts: {
  readonly dev: number
  readonly ino: number
  readonly rdev: number
  isBlockDevice(): boolean
}): string {
  return facts.isBlockDevice() ? `block:${facts.rdev}` : `${facts.dev}:${facts.ino}`
}

/**
 * The files and block devices that a process has open, each once (Linux proc_pid_fd(5)). Empty when the process is gone.
 * @throws StorageError when the process belongs to another user
 */
export async function openFilesOf(pid: number): Promise<readonly OpenFile[]> {
  const directory = `/proc/${pid}/fd`
  let names: readonly string[]
  try {
    names = await readdir(directory)
  } catch (error) {
    if (isGone(error)) return []
    throw storageError(`list the open files of process ${pid}`, directory, error)
  }
  const found = new Map<string, OpenFile>()
  for (const name of names) {
    const file = await openFile(`${directory}/${name}`)
    if (file !== undefined) found.set(file.key, file)
  }
  return [...found.values()]
}

async function openFile(link: string): Promise<OpenFile | undefined> {
  try {
    const [facts, path] = await Promise.all([stat(link), readlink(link)])
    if (!facts.isFile() && !facts.isBlockDevice()) return undefined
    const memory = isMemoryFile(path) || path.startsWith('/dev/shm/')
    return memory ? undefined : { path, key: fileKey(facts), removed: facts.nlink === 0 }
  } catch (error) {
    if (isGone(error)) return undefined
    throw storageError('inspect an open file', link, error)
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ESRCH'
}
