import { QemuError } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { progressOf } from './progress.ts'
import { type MigrationEnd, migrationEnd } from './watch.ts'

const DEFAULT_TIMEOUT_MS = 30_000

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
  const end = await migrationEnd(qmp, events, { timeoutMs })
  if (end !== undefined) return end
  throw new QemuError('QEMU_TIMEOUT', `QEMU did not cancel its migration within ${timeoutMs} ms`, {
    operation: 'cancel the migration',
    hint: 'Whatever receives its data does not take it: end that first',
  })
}
