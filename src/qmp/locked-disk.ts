import { DomainError } from '../errors.ts'

/**
 * Whether QEMU says that another process has a disk open (block/file-posix.c `raw_check_lock_bytes`, compared with 7.2, 10.0 and 11.1 in
 * `test/lifecycle/qemu-words.test.ts`). The message does not name the disk.
 */
export function saysDiskIsLocked(text: string): boolean {
  return /(^|: )Failed to get (shared )?"\w[\w ]*" lock/m.test(text)
}

/** The error for a machine whose disk another one uses. */
export function diskInUse(
  reason: string,
  facts: { readonly operation?: string | undefined; readonly cause?: unknown },
): DomainError {
  return new DomainError(
    'DISK_IN_USE',
    `Another machine uses a disk that this one needs, and both together would corrupt it: ${reason}`,
    {
      ...facts,
      hint: 'Find out which machine uses the disk: the one that was saved, a clone of it, or another program, also on another host. Only one of them can run',
    },
  )
}
