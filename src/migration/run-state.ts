import { setTimeout as delay } from 'node:timers/promises'

import { CancelledError, QemuError, StasisError } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { QmpRefusal } from '../qmp/refusal.ts'
import type { RunState } from '../qmp/replies.ts'
import { isDiskLocked } from './qemu-words.ts'
import { diskInUse } from '../qmp/locked-disk.ts'

const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 8
const DEFAULT_TIMEOUT_MS = 30_000

/** States in which `cont` has not taken effect yet; in any other the guest has run, even if it then suspended itself or failed. */
const NOT_RESUMED: ReadonlySet<RunState> = new Set([
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

/** The run state of the guest. */
export async function runState(
  qmp: QmpConnection,
  options: RunStateOptions = {},
): Promise<RunState> {
  return (await qmp.execute('query-status', {}, options)).status
}

/**
 * Whether a guest in this state needs `contVm` to continue as before: it runs, or it has suspended itself to RAM, and its own clock and devices will
 * wake it.
 */
export function isRunning(state: RunState): boolean {
  return state === 'running' || state === 'suspended'
}

/**
 * Stops the guest and waits until it has stopped. Returns the state before: call `contVm` afterwards only for a guest for which `isRunning` is true.
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
 * Stops a guest that runs, without a query before or after: QEMU answers once all processors stand, and executes what is sent after this in order (system/cpus.c
 * `vm_stop`, 7.2 to 11.1). Use it where the stop must be short.
 * @throws QemuError QEMU_DIED; CancelledError
 */
export async function stopAtOnce(qmp: QmpConnection, options: RunStateOptions = {}): Promise<void> {
  await qmp.execute('stop', {}, options)
}

/**
 * Waits until QEMU has finalised an outgoing migration: after it reports the end it stays in `finish-migrate` for a moment, and refuses `cont`
 * meanwhile (seen in 10.0).
 * @throws QemuError QEMU_TIMEOUT, QEMU_DIED; CancelledError
 */
export async function migrationFinalized(
  qmp: QmpConnection,
  options: RunStateOptions = {},
): Promise<void> {
  await reach(qmp, 'finish the migration', (state) => state !== 'finish-migrate', options)
}

/**
 * Resumes the guest and waits until it runs; returns the state before. Also works after a completed, failed or cancelled migration.
 * @throws DomainError DISK_IN_USE; QemuError QEMU_REFUSED (a guest that panicked or was shut down must be reset), QEMU_TIMEOUT, QEMU_DIED;
 * CancelledError
 */
export async function contVm(qmp: QmpConnection, options: RunStateOptions = {}): Promise<RunState> {
  const before = await qmp.execute('query-status', {}, options)
  if (before.running) return before.status
  await migrationFinalized(qmp, options)
  await qmp.execute('cont', {}, options).catch((error: unknown) => {
    throw explainDiskLock(error)
  })
  await reach(qmp, 'resume the guest', (status) => !NOT_RESUMED.has(status), options)
  return before.status
}

/** `contVm` for a guest that `stopAtOnce` has stopped: without a query, as long as QEMU does not refuse. @throws as `contVm` */
export async function contAtOnce(qmp: QmpConnection): Promise<void> {
  try {
    await qmp.execute('cont')
  } catch (error) {
    if (!(error instanceof QmpRefusal)) throw error
    await contVm(qmp)
  }
}

function explainDiskLock(error: unknown): unknown {
  if (!isDiskLocked(error)) return error
  return diskInUse(error.message, { operation: error.operation, cause: error })
}

/** Whether QEMU has refused to let a guest run, so that it has certainly not run. */
export function isRefusedRun(error: unknown): boolean {
  return StasisError.is(error, 'QEMU_REFUSED') || StasisError.is(error, 'DISK_IN_USE')
}

/**
 * Brings a guest from `postmigrate` to `paused`. In `postmigrate` QEMU refuses a second migration ("Can't migrate the vm that was paused due to
 * previous migration", 7.2 and 10.0), and only `cont` leaves it. `stop` is sent together with `cont`, so that the guest runs no longer than QEMU
 * takes from one command to the next.
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

/** The reasons why this guest cannot be migrated, in QEMU's words; empty when it can (QEMU >= 6.0, qapi/migration.json `blocked-reasons`). */
export async function migrationBlockers(
  qmp: QmpConnection,
  options: RunStateOptions = {},
): Promise<readonly string[]> {
  return (await qmp.execute('query-migrate', {}, options))['blocked-reasons'] ?? []
}

/** Whether the guest's memory is encrypted: then its image would be useless, and QEMU (7.2 to 11) objects only once the guest has run. */
export async function hasEncryptedMemory(
  qmp: QmpConnection,
  options: RunStateOptions = {},
): Promise<boolean> {
  const guard = { path: '/machine', property: 'confidential-guest-support' }
  try {
    const found = await qmp.execute('qom-get', guard, options)
    return typeof found === 'string' && found !== ''
  } catch (error) {
    if (error instanceof QmpRefusal) return false
    throw error
  }
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
