import { QmpRefusal } from '../qmp/refusal.ts'

/*
 * The only place that decides by what QEMU writes. QEMU gives these refusals no class of their own (all are `GenericError`), and no command
 * shows the state that they come from.
 */

/**
 * Whether QEMU refused `migrate-recover` because it already listens for a new page source. QEMU before 7.1 does so (migration/migration.c
 * `qmp_migrate_recover`); later ones listen anew (tried with 7.2, 10.0 and 11.1 in `test/lifecycle/qemu-words.test.ts`).
 */
export function isRecovering(error: unknown): boolean {
  return error instanceof QmpRefusal && error.description.includes('triggered already')
}

/**
 * Whether QEMU refused `cont` because another process has a disk open (block/file-posix.c `raw_check_lock_bytes`, compared with 7.2, 10.0 and 11.1 in
 * `test/lifecycle/qemu-words.test.ts`). The message does not name the disk.
 */
export function isDiskLocked(error: unknown): error is QmpRefusal {
  if (!(error instanceof QmpRefusal)) return false
  return /^Failed to get (shared )?"\w[\w ]*" lock/.test(error.description)
}
