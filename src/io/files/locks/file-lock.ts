import { StorageError } from '../../../errors.ts'
import { storageError } from '../../storage-error.ts'
import { type SystemCallError, tryLock, tryShareLock } from '../../system-calls.ts'

/** Takes the exclusive lock of an open file, see `tryLock`; `false` when another process has a lock. `path` is for messages. @throws StorageError */
export function lockFile(fd: number, path: string): boolean {
  return lock(() => tryLock(fd), path)
}

/** Takes a shared lock of an open file, see `tryShareLock`; `false` when another process has the exclusive lock. @throws StorageError */
export function shareFile(fd: number, path: string): boolean {
  return lock(() => tryShareLock(fd), path)
}

function lock(take: () => boolean, path: string): boolean {
  try {
    return take()
  } catch (error) {
    if (!UNSUPPORTED.has((error as SystemCallError).code))
      throw storageError('lock the file', path, error)
    throw new StorageError('IO_ERROR', `Could not lock ${path}: the file system has no locks`, {
      operation: 'lock the file',
      path,
      cause: error,
      hint: 'Use another file system, or let this one have locks (NFS: run rpc.statd, or mount with local_lock=flock)',
    })
  }
}

const UNSUPPORTED: ReadonlySet<string> = new Set(['ENOLCK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])
