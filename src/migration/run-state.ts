import { setTimeout as delay } from 'node:timers/promises'

import { CancelledError, QemuError } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { QmpRefusal } from '../qmp/refusal.ts'
import type { RunState } from '../qmp/replies.ts'

const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 8
const DEFAULT_TIMEOUT_MS = 30_000

/** States in which `cont` has not taken effect yet; from any other the guest has run, if only to suspend itself or to fail. */
const STANDING: ReadonlySet<RunState> = new Set([
  'paused',
  'postmigrate',
  'prelaunch',
  'inmigrate',
  'finish-migrate',
  'save-vm',
  'restore-vm',
])

/** Bounds of a change of run state. */
export interface RunStateOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

/** What the guest does now. */
export async function runState(
  qmp: QmpConnection,
  options: RunStateOptions = {},
): Promise<RunState> {
  return (await qmp.execute('query-status', {}, options)).status
}

/**
 * Whether a guest in this state goes on when it is let: it runs, or it has suspended itself to RAM, which is for its own clock and
 * devices to end.
 */
export function isRunning(state: RunState): boolean {
  return state === 'running' || state === 'suspended'
}

/**
 * Stops the guest and waits until it stands; gives the state before, for `contVm` belongs only to a guest for which `isRunning`.
 * QEMU before 9.0 leaves a guest that has suspended itself in `suspended`.
 * @throws QemuError QEMU_TIMEOUT, QEMU_DIED; CancelledError
 */
export async function stopVm(qmp: QmpConnection, options: RunStateOptions = {}): Promise<RunState> {
  const before = await runState(qmp, options)
  if (!isRunning(before)) return before
  await qmp.execute('stop', {}, options)
  await reach(qmp, 'stop the guest', (state) => state !== 'running', options)
  return before
}

/**
 * Waits until QEMU has put an outgoing migration behind it: after it reports the end it stays in `finish-migrate` for a moment, in
 * which it refuses `cont` (seen in 10.0).
 * @throws QemuError QEMU_TIMEOUT, QEMU_DIED; CancelledError
 */
export async function migrationFinalized(
  qmp: QmpConnection,
  options: RunStateOptions = {},
): Promise<void> {
  await reach(qmp, 'finish the migration', (state) => state !== 'finish-migrate', options)
}

/**
 * Lets the guest run and waits until it does; gives the state before. Works after a completed, failed or cancelled
 * migration, too.
 * @throws QemuError QEMU_REFUSED (a guest that panicked or was shut down must be reset; a disk that another machine uses), QEMU_TIMEOUT,
 * QEMU_DIED; CancelledError
 */
export async function contVm(qmp: QmpConnection, options: RunStateOptions = {}): Promise<RunState> {
  const before = await qmp.execute('query-status', {}, options)
  if (before.running) return before.status
  await migrationFinalized(qmp, options)
  await qmp.execute('cont', {}, options).catch((error: unknown) => {
    throw tellingOfDisks(error)
  })
  await reach(qmp, 'resume the guest', (status) => !STANDING.has(status), options)
  return before.status
}

/** QEMU's block/file-posix.c `raw_check_lock_bytes`; which disk it is does not come with it (7.2 and 10.0). */
const LOCKED_DISK = /^Failed to get (shared )?"\w[\w ]*" lock/

function tellingOfDisks(error: unknown): unknown {
  if (!(error instanceof QmpRefusal) || !LOCKED_DISK.test(error.description)) return error
  return new QemuError(
    'QEMU_REFUSED',
    `Another machine uses a disk that this one needs, and they would destroy it together: ${error.message}`,
    {
      operation: error.operation,
      hint: 'End the other one: the machine that was saved, a clone of it, or whatever else has the disk open',
      cause: error,
    },
  )
}

/**
 * Brings a guest that stands in `postmigrate` to `paused`: there QEMU refuses a second migration ("Can't migrate the vm that was
 * paused due to previous migration", 7.2 and 10.0), and no command but `cont` leads out. `stop` is sent with it, so that the guest
 * runs for no longer than QEMU needs from one command to the next.
 * @throws QemuError QEMU_TIMEOUT, QEMU_DIED; CancelledError
 */
export async function leavePostmigrate(
  qmp: QmpConnection,
  options: RunStateOptions = {},
): Promise<void> {
  await migrationFinalized(qmp, options)
  if ((await runState(qmp, options)) !== 'postmigrate') return
  await Promise.all([qmp.execute('cont', {}, options), qmp.execute('stop', {}, options)])
  await reach(qmp, 'prepare the guest', (status) => status !== 'running', options)
}

/** Why this guest cannot be migrated, in QEMU's words; empty when it can (QEMU >= 6.0, qapi/migration.json `blocked-reasons`). */
export async function migrationBlockers(
  qmp: QmpConnection,
  options: RunStateOptions = {},
): Promise<readonly string[]> {
  return (await qmp.execute('query-migrate', {}, options))['blocked-reasons'] ?? []
}

async function reach(
  qmp: QmpConnection,
  operation: string,
  reached: (status: RunState) => boolean,
  options: RunStateOptions,
): Promise<void> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const deadline = performance.now() + timeoutMs
  let pauseMs = FIRST_PAUSE_MS
  for (;;) {
    const status = await runState(qmp, options)
    if (reached(status)) return
    if (performance.now() >= deadline) {
      const text = `Could not ${operation} within ${timeoutMs} ms: QEMU stays in ${status}`
      throw new QemuError('QEMU_TIMEOUT', text, { operation })
    }
    await delay(pauseMs, undefined, { signal }).catch((reason: unknown) => {
      throw new CancelledError(operation, reason)
    })
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
  }
}
