import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpEventListener } from '../qmp/events.ts'
import { type MigrationProgress, progressOf } from './progress.ts'

/** Without an event for this long, query QEMU. */
const POLL_MS = 500

/** A migration that is over. */
export type MigrationEnd = Extract<
  MigrationProgress,
  { readonly phase: 'completed' | 'failed' | 'cancelled' }
>

/** Bounds of a wait for the end. */
export interface WatchOptions {
  readonly signal?: AbortSignal | undefined
  /** When it passes, the wait returns `undefined`. */
  readonly timeoutMs?: number | undefined
}

/**
 * Waits for the end of QEMU's migration, outgoing or incoming. `events` must be opened before it begins. Events report the end at once; QEMU is
 * queried when none arrive, because they can be switched off.
 * @throws QmpLost when QEMU dies, CancelledError when `signal` is aborted (the migration continues)
 */
export async function migrationEnd(
  qmp: QmpConnection,
  events: QmpEventListener<'MIGRATION'>,
  options: WatchOptions = {},
): Promise<MigrationEnd | undefined> {
  const { signal, timeoutMs = Infinity } = options
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const progress = progressOf(await qmp.execute('query-migrate', {}, { signal }))
    if (isEnd(progress)) return progress
    const leftMs = deadline - performance.now()
    if (leftMs <= 0) return undefined
    await events.next({ signal, timeoutMs: Math.min(POLL_MS, leftMs) })
  }
}

/**
 * The status in the first MIGRATION event other than `setup` and `active`; `undefined` after `timeoutMs` without one.
 * @throws QmpLost when QEMU dies, CancelledError
 */
export async function firstTerminalStatus(
  events: QmpEventListener<'MIGRATION'>,
  options: WatchOptions,
): Promise<string | undefined> {
  for (;;) {
    const status = (await events.next(options))?.data.status
    if (status !== 'setup' && status !== 'active') return status
  }
}

/** Whether a migration is over; `none` does not count as an end. */
function isEnd(progress: MigrationProgress): progress is MigrationEnd {
  return (
    progress.phase === 'completed' || progress.phase === 'failed' || progress.phase === 'cancelled'
  )
}
