import { type ErrorChanges, InternalError, StasisError, StorageError } from '../errors.ts'

/** Turns a Node file-system error into a `StorageError` with the operation and the path. */
export function storageError(operation: string, path: string, cause: unknown): StasisError {
  if (cause instanceof StasisError) return cause
  const errno = (cause as NodeJS.ErrnoException | null)?.code
  const facts = { operation, path, cause }
  const place = operation.includes(path) ? '' : ` for ${path}`
  switch (errno) {
    case 'ENOENT':
      return new StorageError(
        'FILE_NOT_FOUND',
        `Could not ${operation}: ${path} does not exist`,
        facts,
      )
    case 'EEXIST':
      return new StorageError(
        'FILE_EXISTS',
        `Could not ${operation}: ${path} already exists`,
        facts,
      )
    case 'ENOSPC':
    case 'EDQUOT':
      return new StorageError('NO_SPACE', `Could not ${operation}: no space left${place}`, {
        ...facts,
        hint: 'Free some space on that file system, or use another one',
      })
    case 'EROFS':
      return new StorageError(
        'NO_PERMISSION',
        `Could not ${operation}: the file system of ${path} is read-only`,
        { ...facts, hint: 'Use another file system, or mount this one to write' },
      )
    case 'EFBIG':
      return new StorageError('NO_SPACE', `Could not ${operation}: ${path} would be too large`, {
        ...facts,
        hint: 'The file system or the limit on the size of files (`ulimit -f`) does not allow it',
      })
    case 'EMFILE':
    case 'ENFILE':
      return new StorageError('IO_ERROR', `Could not ${operation}: ${path}: too many open files`, {
        ...facts,
        hint:
          errno === 'EMFILE'
            ? 'Raise the limit on open files (`ulimit -n`)'
            : 'The host is out of file descriptors: look at /proc/sys/fs/file-nr',
      })
    case 'EACCES':
    case 'EPERM':
      return new StorageError(
        'NO_PERMISSION',
        `Could not ${operation}: no permission for ${path}`,
        {
          ...facts,
          hint: 'Check the owner and the mode of the file and of the directories above it',
        },
      )
    default:
      return new StorageError(
        'IO_ERROR',
        `Could not ${operation}: ${path}: ${errno ?? String(cause)}`,
        facts,
      )
  }
}

/** The `StorageError` for an error of the operating system that nothing has explained; any other error unchanged. */
export function explained(operation: string, error: unknown): unknown {
  if (error instanceof StasisError || !isSystemError(error)) return error
  return storageError(operation, error.path ?? error.syscall ?? '', error)
}

/**
 * An error with the class and code of `cause`, which it keeps, and a message about what could not be done. A foreign error becomes an
 * `InternalError`, one of the operating system a `StorageError`.
 */
export function rewrapped(
  cause: unknown,
  changes: ErrorChanges & { message: string },
): StasisError {
  const known = explained(changes.operation ?? 'do this', cause)
  return known instanceof StasisError
    ? known.with({ ...changes, cause: known })
    : new InternalError(changes.message, { ...changes, cause })
}

/** Whether a call of the operating system gave this error, through Node or through `io/system-calls.ts`. It is never a fault of Stasis. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException
  return typeof syscall === 'string' && typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)
}
