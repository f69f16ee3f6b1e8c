import { setTimeout as delay } from 'node:timers/promises'
import { CancelledError, QemuError, type Refusal } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpEventListener } from '../qmp/events.ts'
import { QmpRefusal } from '../qmp/refusal.ts'
import { incomingFailure, migrationFailed } from './failure.ts'
import { type MigrationProgress, progressOf } from './progress.ts'
import { runState } from './run-state.ts'
import { applySettings } from './settings.ts'
import { isRecovering } from './qemu-words.ts'
import { firstTerminalStatus } from './watch.ts'

const OPERATION = 'resume the guest before its memory is loaded'
const POLL_MS = 2

/** This many queries are sent without a pause: the first answer may come one turn of QEMU's main loop too early. */
const AT_ONCE = 3

/** Without an event for this long, query QEMU. */
const SILENCE_MS = 100

/** Bounds of a call. */
export interface PostcopyOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes a QEMU that was just started with `-incoming defer` the destination of a postcopy migration from `uri`. Waits until it has its devices; from
 * then on the guest may run (a QEMU started with `-S` leaves it paused). Returns QEMU's reason when it does not support this (no userfaultfd, memory
 * in a file); then nothing has changed.
 * @throws QemuError MIGRATION_FAILED, QEMU_DIED; CancelledError
 */
export async function startPostcopy(
  qmp: QmpConnection,
  uri: string,
  options: PostcopyOptions = {},
): Promise<Refusal<'QEMU_LACKS_FEATURE'> | undefined> {
  using events = qmp.listen('MIGRATION')
  try {
    // A QEMU that was just started has no other capability on; a query first would cost a turn of its main loop.
    const on = (['postcopy-ram', 'events'] as const).map((capability) => ({
      capability,
      state: true,
    }))
    await qmp.execute('migrate-set-capabilities', { capabilities: on })
  } catch (error) {
    if (error instanceof QmpRefusal) return { code: 'QEMU_LACKS_FEATURE', reason: error.message }
    throw error
  }
  await qmp.execute('migrate-incoming', { uri }, options)
  try {
    await devicesLoaded(qmp, events, options.signal)
  } catch (error) {
    throw incomingFailure(OPERATION, error)
  }
  return undefined
}

async function devicesLoaded(
  qmp: QmpConnection,
  events: QmpEventListener<'MIGRATION'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  // QEMU reports nothing before it listens for pages, and has its devices then or a moment later.
  await firstTerminalStatus(events, { signal, timeoutMs: SILENCE_MS })
  for (let asked = 1; (await runState(qmp, { signal })) === 'inmigrate'; asked += 1) {
    if (asked < AT_ONCE) continue
    const progress = await postcopyProgress(qmp)
    if (progress.phase === 'failed') throw migrationFailed(qmp, OPERATION, progress.reason)
    await delay(POLL_MS, undefined, { signal }).catch((reason: unknown) => {
      throw new CancelledError(OPERATION, reason)
    })
  }
}

/** The progress of an incoming migration. */
export async function postcopyProgress(qmp: QmpConnection): Promise<MigrationProgress> {
  return progressOf(await qmp.execute('query-migrate'))
}

/**
 * Makes a QEMU whose page source is gone listen for a new one at `path`; works even while its main thread waits for a page. `qmp` must be connected
 * with `outOfBand`. A QEMU that already listens there continues to do so.
 * @throws QemuError QEMU_REFUSED when its source is not gone
 */
export async function recoverPostcopy(qmp: QmpConnection, path: string): Promise<void> {
  try {
    await qmp.executeOutOfBand('migrate-recover', { uri: `unix:${path}` }, { timeoutMs: 30_000 })
  } catch (error) {
    if (!isRecovering(error)) throw error
  }
}

/**
 * Waits until QEMU has recorded that all memory is there, and switches the capability off: with it, a save would ask for a return path.
 * @throws QemuError QEMU_TIMEOUT, MIGRATION_FAILED, QEMU_DIED
 */
export async function endPostcopy(qmp: QmpConnection): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const { phase } = await postcopyProgress(qmp)
    if (phase === 'completed') break
    if (phase === 'failed') throw migrationFailed(qmp, OPERATION, undefined)
    if (performance.now() > deadline) {
      const text = `QEMU has all memory, but its migration stays in phase ${phase}`
      throw new QemuError('QEMU_TIMEOUT', text, { operation: OPERATION })
    }
    await delay(10)
  }
  await applySettings(qmp, [], {})
}
