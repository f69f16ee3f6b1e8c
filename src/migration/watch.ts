import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpEventListener } from '../qmp/events.ts'
import { type MigrationProgress, progressOf } from './progress.ts'

/** Without an event for this long, query QEMU. */
const POLL_MS = 500

/** Statuses of a migration that has just begun. */
const BEGINNINGS: ReadonlySet<string> = new Set(['setup', 'active'])

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
  /** `events` was opened before the migration started. Then the first query waits for an event, or for `POLL_MS`: the guest may be stopped, and a query would prolong that. */
  readonly isNew?: boolean | undefined
}

/**
 * Waits for the end of QEMU's migration, outgoing or incoming. `events` must be opened before it begins. Events report the end at once; QEMU is
 * queried when none arrive, because they can be switched off, and not when one reports a beginning.
 * @throws QmpLost when QEMU dies, CancelledError when `signal` is aborted (the migration continues)
 */
export async function migrationEnd(
  qmp: QmpConnection,
  events: QmpEventListener<'MIGRATION'>,
  options: WatchOptions = {},
): Promise<MigrationEnd | undefined> {
  const { signal, timeoutMs = Infinity, isNew = false } = options
  const deadline = performance.now() + timeoutMs
  if (isNew) await untilQuery(events, { signal, deadline })
  for (;;) {
    const progress = progressOf(await qmp.execute('query-migrate', {}, { signal }))
    if (isEnd(progress)) return progress
    if (performance.now() >= deadline) return undefined
    await untilQuery(events, { signal, deadline })
  }
}

/** Waits until an event may report the end, or for long enough. */
async function untilQuery(
  events: QmpEventListener<'MIGRATION'>,
  { signal, deadline }: { readonly signal: AbortSignal | undefined; readonly deadline: number },
): Promise<void> {
  const end = Math.min(deadline, performance.now() + POLL_MS)
  for (;;) {
    const event = await events.next({ signal, timeoutMs: Math.max(0, end - performance.now()) })
    if (event === undefined || !BEGINNINGS.has(event.data.status)) return
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
