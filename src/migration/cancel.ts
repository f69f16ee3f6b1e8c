import { QemuError } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { QmpRefusal } from '../qmp/refusal.ts'
import { progressOf } from './progress.ts'
import { migrationFinalized } from './run-state.ts'
import { type MigrationEnd, migrationEnd } from './watch.ts'

const DEFAULT_TIMEOUT_MS = 30_000

/**
 * How long QEMU may take to cancel by itself. Its threads react within milliseconds unless a peer blocks them, on a busy machine within a second. An
 * early yank is dangerous: 7.2 can hang forever when it loses channels while it completes.
 */
const PATIENCE_MS = 3000

/**
 * Cancels the active outgoing migration, even one that another client started, and waits for its end. Returns its outcome, which is `completed` when
 * it finished first. Does nothing and returns `undefined` when there is none. The guest stays stopped.
 * @throws QemuError QEMU_TIMEOUT when QEMU does not cancel because it hangs in a write that cannot be interrupted (a pipe, a disk); QEMU_DIED
 */
export async function cancelMigration(
  qmp: QmpConnection,
  options: { readonly timeoutMs?: number | undefined } = {},
): Promise<MigrationEnd | undefined> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options
  using events = qmp.listen('MIGRATION')
  const { phase } = progressOf(await qmp.execute('query-migrate', {}, { timeoutMs }))
  if (phase !== 'setup' && phase !== 'active' && phase !== 'device' && phase !== 'cancelling')
    return undefined
  await qmp.execute('migrate_cancel', {}, { timeoutMs })
  let end = await migrationEnd(qmp, events, { timeoutMs: Math.min(PATIENCE_MS, timeoutMs) })
  if (end === undefined) {
    await yank(qmp, timeoutMs)
    end = await migrationEnd(qmp, events, { timeoutMs })
  }
  if (end !== undefined) {
    await migrationFinalized(qmp, { timeoutMs })
    return end
  }
  throw new QemuError('QEMU_TIMEOUT', `QEMU did not cancel its migration within ${timeoutMs} ms`, {
    operation: 'cancel the migration',
    hint: 'The program that receives the data no longer reads it: stop that program first',
  })
}

/**
 * Shuts down the sockets of the migration. `migrate_cancel` shuts down only the main one, and then waits for channels that wait for a peer that does
 * not read (seen in 7.2 and 10.0; QEMU migration/multifd.c, qapi/yank.json since 6.0).
 */
async function yank(qmp: QmpConnection, timeoutMs: number): Promise<void> {
  try {
    await qmp.execute('yank', { instances: [{ type: 'migration' }] }, { timeoutMs })
  } catch (error) {
    // QEMU has nothing to yank: the migration is over, or goes to a pipe or a file.
    if (!(error instanceof QmpRefusal)) throw error
  }
}
