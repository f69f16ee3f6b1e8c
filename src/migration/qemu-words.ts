import { QmpRefusal } from '../qmp/refusal.ts'
import { saysDiskIsLocked } from '../qmp/locked-disk.ts'

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

/** Whether QEMU refused `cont` because another process has a disk open. */
export function isDiskLocked(error: unknown): error is QmpRefusal {
  return error instanceof QmpRefusal && saysDiskIsLocked(error.description)
}
