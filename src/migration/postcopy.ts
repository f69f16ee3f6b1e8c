import { setTimeout as delay } from 'node:timers/promises'
import { CancelledError, QemuError } from '../errors.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import type { QmpEventListener } from '../qmp/events.ts'
import { QmpRefusal } from '../qmp/refusal.ts'
import { incomingFailure, migrationFailed } from './failure.ts'
import { type MigrationProgress, progressOf } from './progress.ts'
import { runState } from './run-state.ts'
import { applySettings } from './settings.ts'
import { firstTerminalStatus } from './watch.ts'

const OPERATION = 'let the saved machine run before its memory is there'
const POLL_MS = 2

/** So often QEMU is asked without a pause: the first answer may come in the turn of its main loop before the one that matters. */
const AT_ONCE = 3

/** How long the silence of events may last before QEMU is asked. */
const SILENCE_MS = 100

/** What a call may be bounded by. */
export interface PostcopyOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Tells a QEMU that was just started with `-incoming defer` that its memory comes while the guest runs, from `uri`, and waits until it has
 * its devices, from when on the guest may run; a QEMU that was started with `-S` lets it wait. Gives QEMU's reason when it cannot: no
 * userfaultfd, memory in a file. Nothing has happened then.
 * @throws QemuError MIGRATION_FAILED, QEMU_DIED; CancelledError
 */
export async function startPostcopy(
  qmp: QmpConnection,
  uri: string,
  options: PostcopyOptions = {},
): Promise<string | undefined> {
  using events = qmp.listen('MIGRATION')
  try {
    // Nothing else is on in a QEMU that was just started: asking first would cost a turn of its main loop.
    const on = (['postcopy-ram', 'events'] as const).map((capability) => ({
      capability,
      state: true,
    }))
    await qmp.execute('migrate-set-capabilities', { capabilities: on })
  } catch (error) {
    if (error instanceof QmpRefusal) return error.message
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
  // Until it listens for pages there is nothing to ask, and then it answers when it has its devices, or a moment before.
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

/** Where an incoming migration is. */
export async function postcopyProgress(qmp: QmpConnection): Promise<MigrationProgress> {
  return progressOf(await qmp.execute('query-migrate'))
}

/**
 * Lets a QEMU whose page source is gone listen for a new one at `path`; works even while its main thread waits for a page. `qmp` was
 * connected with `outOfBand`. A QEMU that listens there already goes on to do so.
 * @throws QemuError QEMU_REFUSED when it misses no source
 */
export async function recoverPostcopy(qmp: QmpConnection, path: string): Promise<void> {
  try {
    await qmp.executeOutOfBand('migrate-recover', { uri: `unix:${path}` }, { timeoutMs: 30_000 })
  } catch (error) {
    // QEMU migration/migration.c `qmp_migrate_recover`, 7.2 and 10.0.
    if (error instanceof QmpRefusal && error.message.includes('triggered already')) return
    throw error
  }
}

/**
 * Waits until QEMU has noted that all memory is there, and switches the capability off: a save would ask for a return path with it.
 * @throws QemuError QEMU_TIMEOUT, MIGRATION_FAILED, QEMU_DIED
 */
export async function endPostcopy(qmp: QmpConnection): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const { phase } = await postcopyProgress(qmp)
    if (phase === 'completed') break
    if (phase === 'failed') throw migrationFailed(qmp, OPERATION, undefined)
    if (performance.now() > deadline) {
      const text = `QEMU has all memory, and its migration stays ${phase}`
      throw new QemuError('QEMU_TIMEOUT', text, { operation: OPERATION })
    }
    await delay(10)
  }
  await applySettings(qmp, [], {})
}
