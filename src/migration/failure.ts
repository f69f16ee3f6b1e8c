import { QemuError, inOneLine } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { QmpLost } from '../qmp/lost.ts'

/** The error of a migration that QEMU reports as failed: its reason, and the last lines of its log where they add something. */
export function migrationFailed(
  qmp: QmpConnection,
  operation: string,
  reason: string | undefined,
): QemuError {
  const words = inOneLine(qmp.lastWords())
  const text = withLog(reason, words)
  return new QemuError('MIGRATION_FAILED', `Could not ${operation}: ${text}`, { operation })
}

function withLog(reason: string | undefined, words: string): string {
  if (reason === undefined || reason === '') {
    return words === '' ? 'QEMU gave no reason' : `QEMU's last output: ${words}`
  }
  // QEMU also writes most reasons to its log.
  return words === '' || words.includes(reason) ? reason : `${reason}; QEMU's last output: ${words}`
}

/**
 * Converts an error of a wait for an incoming migration into the one to report. A QEMU that exits after writing a reason has refused the stream (7.2
 * always exits then, QEMU migration/migration.c `process_incoming_migration_co`); one that exits silently was killed.
 */
export function incomingFailure(operation: string, error: unknown): unknown {
  if (!(error instanceof QmpLost) || error.lastWords === '') return error
  const text = `Could not ${operation}: ${inOneLine(error.lastWords)}`
  return new QemuError('MIGRATION_FAILED', text, { operation, cause: error })
}
