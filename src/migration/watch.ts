import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpEventListener } from '../qmp/events.ts'
import { type MigrationProgress, progressOf } from './progress.ts'

/** How long the silence of events may last before QEMU is asked. */
const POLL_MS = 500

/** A migration that is over. */
export type MigrationEnd = Extract<
  MigrationProgress,
  { readonly phase: 'completed' | 'failed' | 'cancelled' }
>

/** Bounds of a wait for the end. */
export interface WatchOptions {
  readonly signal?: AbortSignal | undefined
  /** When it passes, `undefined` is given. */
  readonly timeoutMs?: number | undefined
}

/**
 * Waits until QEMU's migration, outgoing or incoming, is over. `events` was opened before it began. Events give the moment; in
 * their silence QEMU is asked, for they can be switched off.
 * @throws QmpLost when QEMU dies, CancelledError when `signal` is aborted (the migration goes on)
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
 * What the first event says that tells more of a migration than that it is under way; `undefined` after `timeoutMs` of silence.
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

/** Whether a migration is over; `none` is not an end. */
function isEnd(progress: MigrationProgress): progress is MigrationEnd {
  return (
    progress.phase === 'completed' || progress.phase === 'failed' || progress.phase === 'cancelled'
  )
}
