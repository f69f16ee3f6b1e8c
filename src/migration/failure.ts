import { QemuError } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { QmpLost } from '../qmp/lost.ts'

/** The error of a migration that QEMU reports as failed: its reason, and the last lines of its log where they say more. */
export function migrationFailed(
  qmp: QmpConnection,
  operation: string,
  reason: string | undefined,
): QemuError {
  const words = qmp.lastWords()
  const text = withLog(reason, words)
  return new QemuError('MIGRATION_FAILED', `Could not ${operation}: ${text}`, { operation })
}

function withLog(reason: string | undefined, words: string): string {
  if (reason === undefined || reason === '') {
    return words === '' ? 'QEMU gave no reason' : `QEMU's last words: ${words}`
  }
  // QEMU writes most reasons to its log, too.
  return words === '' || words.includes(reason) ? reason : `${reason}; QEMU's last words: ${words}`
}

/**
 * What a wait for an incoming migration threw, as the error to report: a QEMU that exits with a reason on its lips has refused
 * the stream (7.2 always does so, QEMU migration/migration.c `process_incoming_migration_co`), one that goes silently was killed.
 */
export function incomingFailure(operation: string, error: unknown): unknown {
  if (!(error instanceof QmpLost) || error.lastWords === '') return error
  const text = `Could not ${operation}: ${error.lastWords}`
  return new QemuError('MIGRATION_FAILED', text, { operation, cause: error })
}
