import { setTimeout as delay } from 'node:timers/promises'
import { QemuError, StasisError } from '../../errors.ts'
import { progressOf } from '../../migration/progress.ts'
import { resetMigration } from '../../migration/reset.ts'
import { contVm, migrationFinalized, runState } from '../../migration/run-state.ts'
import {
  canPermitWrites,
  permitWrites,
  watchedRanges,
} from '../../qemu/process/write-protection.ts'
import { QmpConnection } from '../../qmp/connection.ts'

/** A monitor whose main thread waits for a write of its own answers once that is permitted. */
const ANSWER_MS = 500
const PAUSE_MS = 10
const PATIENCE_MS = 15_000

/** A snapshot by write protection that has to end. */
export interface UnfinishedSnapshot {
  /** The QEMU. */
  readonly pid: number
  /** The path of its monitor for operations. */
  readonly monitor: string
  /** Whether the guest ran before the snapshot. */
  readonly running: boolean
  /** Our connection to that monitor, which serves one client at a time. Default: a new one. */
  readonly control?: QmpConnection | undefined
}

/**
 * Ends a snapshot by write protection (`background-snapshot`), whatever became of it, so that the guest can write everywhere: cancels the migration, permits the
 * writes that QEMU holds back, and resumes a guest that QEMU has stopped for the snapshot. QEMU before 8.1 leaves memory protected unless a snapshot completes
 * (migration/migration.c `bg_migration_completion`): the guest would wait at its next write for ever, and QEMU's main thread with it once a device writes. Does
 * nothing when there is nothing to end. If we may not permit writes, it waits for the end of the snapshot instead.
 * @throws QemuError QEMU_TIMEOUT, QEMU_DIED; StorageError when the process is not ours to change
 */
export async function releaseSnapshot(snapshot: UnfinishedSnapshot): Promise<void> {
  const { pid, monitor } = snapshot
  // Otherwise only a snapshot that completes leaves a guest that can write.
  const mayCancel = await canPermitWrites(pid)
  const deadline = performance.now() + PATIENCE_MS
  const end = async (control: QmpConnection): Promise<void> =>
    endOver(control, snapshot, { mayCancel, deadline })
  for (;;) {
    try {
      if (snapshot.control?.state === 'ready') await end(snapshot.control)
      else {
        await using control = await connect(monitor)
        await end(control)
      }
      // QEMU may have protected memory just before it noticed the end.
      if ((await watchedRanges(pid)).length === 0) return
    } catch (error) {
      if (StasisError.is(error, 'QEMU_DIED')) throw error
      if (performance.now() > deadline) throw notReleased(pid, error)
      // Otherwise a main thread that waits for a write would never answer.
      await permitWrites(pid)
      await delay(PAUSE_MS)
    }
  }
}

interface Patience {
  readonly mayCancel: boolean
  readonly deadline: number
}

async function endOver(
  control: QmpConnection,
  { pid, running }: UnfinishedSnapshot,
  patience: Patience,
): Promise<void> {
  await endMigration(control, patience)
  await permitWrites(pid)
  await resetMigration(control).catch(() => undefined)
  await migrationFinalized(control)
  if (running && STOPPED.has(await runState(control))) await contVm(control)
}

function connect(monitor: string): Promise<QmpConnection> {
  return QmpConnection.connect(monitor, { timeoutMs: ANSWER_MS })
}

/** States in which a snapshot leaves a guest that it has stopped and not resumed (QEMU migration/migration.c `bg_migration_thread`). */
const STOPPED: ReadonlySet<string> = new Set(['paused', 'finish-migrate', 'postmigrate'])

async function endMigration(
  control: QmpConnection,
  { mayCancel, deadline }: Patience,
): Promise<void> {
  let cancelled = !mayCancel
  for (;;) {
    const { phase } = progressOf(
      await control.execute('query-migrate', {}, { timeoutMs: ANSWER_MS }),
    )
    if (!ACTIVE.has(phase)) return
    if (!cancelled) await control.execute('migrate_cancel', {}, { timeoutMs: ANSWER_MS })
    cancelled = true
    if (performance.now() > deadline)
      throw new QemuError('QEMU_TIMEOUT', 'QEMU does not end its migration')
    await delay(PAUSE_MS)
  }
}

const ACTIVE: ReadonlySet<string> = new Set(['setup', 'active', 'device', 'cancelling'])

function notReleased(pid: number, cause: unknown): QemuError {
  return new QemuError(
    'QEMU_TIMEOUT',
    `QEMU, process ${pid}, does not end the snapshot of its memory`,
    { operation: 'let the guest write again', cause },
  )
}
