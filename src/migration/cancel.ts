import { QemuError } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { QmpRefusal } from '../qmp/refusal.ts'
import { progressOf } from './progress.ts'
import { migrationFinalized } from './run-state.ts'
import { type MigrationEnd, migrationEnd } from './watch.ts'

const DEFAULT_TIMEOUT_MS = 30_000

/**
 * How long QEMU may take to let go by itself: its threads notice within milliseconds unless a peer blocks them, on a busy machine
 * within a second. To yank it too early is dangerous: 7.2 can hang for ever when it loses channels while it completes.
 */
const PATIENCE_MS = 3000

/**
 * Cancels the outgoing migration that is under way, whoever began it, and waits until it is over; gives how it ended, which may be
 * `completed` when it was quicker. Nothing happens, and `undefined` is given, when there is none. The guest keeps standing.
 * @throws QemuError QEMU_TIMEOUT when QEMU does not let go: it hangs in a write that cannot be cut off (a pipe, a disk); QEMU_DIED
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
    hint: 'Whatever receives its data does not take it: end that first',
  })
}

/**
 * Shuts down the sockets of the migration. `migrate_cancel` does so with the main one only, and then waits for channels that wait
 * for a peer that does not read (seen in 7.2 and 10.0; QEMU migration/multifd.c, qapi/yank.json since 6.0).
 */
async function yank(qmp: QmpConnection, timeoutMs: number): Promise<void> {
  try {
    await qmp.execute('yank', { instances: [{ type: 'migration' }] }, { timeoutMs })
  } catch (error) {
    // It has nothing to yank any more, or never had: a pipe or a file.
    if (!(error instanceof QmpRefusal)) throw error
  }
}
