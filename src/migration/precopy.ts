import { setTimeout as delay } from 'node:timers/promises'
import type { QmpConnection } from '../qmp/connection.ts'
import { QmpRefusal } from '../qmp/refusal.ts'
import { progressOf } from './progress.ts'
import { contVm } from './run-state.ts'

/** The limit of the pause at first: an idle guest stays far below it. */
export const FIRST_DOWNTIME_MS = 20

/** Parts of the time limit after which QEMU may stop the guest for longer. */
const RELAXATIONS: readonly { readonly part: number; readonly downtimeMs: number }[] = [
  { part: 0.5, downtimeMs: 60 },
  { part: 0.75, downtimeMs: 200 },
]

/** How a migration of a running guest is led to its end. */
export interface PrecopySteering {
  /** After this time the guest is stopped, so that the rest is the last. */
  readonly limitMs: number
  /** Whether the guest runs: then it is resumed after the end. */
  readonly running: boolean
  /** Called when the guest has been stopped. */
  readonly onStop: () => void
  /** Runs while the guest is stopped and its disks are still active. The migration must pause before its switchover. */
  readonly atStop?: (() => Promise<void>) | undefined
  /** Ends the steering, not the migration. */
  readonly signal: AbortSignal
}

/** How a migration of a running guest ended. */
export interface PrecopyEnd {
  /** The guest wrote faster than QEMU sent until the time limit. */
  readonly isForced: boolean
  /** How often QEMU collected the pages that had changed. */
  readonly rounds: number
  /** Bytes that were left when the guest was stopped at the time limit, by QEMU's estimate. */
  readonly restBytes: number | undefined
}

/**
 * Leads a migration of a running guest to its end: lets the pause grow with time, stops the guest at the time limit, and resumes it as soon as QEMU has sent
 * everything. Start it before the migration. Returns when the migration is over, however it ended: its other end reports a failure.
 * @throws the error of `atStop`; QmpLost, CancelledError
 */
export async function steerPrecopy(
  qmp: QmpConnection,
  { limitMs, running, onStop, atStop, signal }: PrecopySteering,
): Promise<PrecopyEnd> {
  using events = qmp.listen('MIGRATION', 'STOP')
  let beganMs: number | undefined
  let restBytes: number | undefined
  let isForced = false
  const steps = [...RELAXATIONS]
  const act = async (): Promise<void> => {
    if (beganMs === undefined || isForced || !running) return
    const passedMs = performance.now() - beganMs
    if (passedMs >= limitMs) {
      isForced = true
      restBytes = await rest(qmp)
      await stop(qmp)
    } else if (passedMs >= limitMs * (steps[0]?.part ?? Infinity)) {
      const step = steps.shift()
      await qmp
        .execute('migrate-set-parameters', { 'downtime-limit': step?.downtimeMs })
        .catch(ignoreRefusal)
    }
  }
  for (;;) {
    const nextMs = isForced || beganMs === undefined ? LOOK_MS : untilNext(beganMs, limitMs, steps)
    const event = await events.next({ signal, timeoutMs: nextMs })
    if (event?.name === 'STOP') onStop()
    if (event?.name !== 'MIGRATION') {
      await act()
      continue
    }
    switch (event.data.status) {
      case 'active':
        beganMs ??= performance.now()
        break
      case 'pre-switchover':
        onStop()
        await atStop?.()
        await qmp.execute('migrate-continue', { state: 'pre-switchover' })
        break
      case 'completed': {
        if (running) await resume(qmp, signal)
        return { isForced, restBytes, rounds: await rounds(qmp) }
      }
      case 'failed':
      case 'cancelled':
        return { isForced, restBytes, rounds: 0 }
      default:
    }
  }
}

const LOOK_MS = 250
const RETRY_MS = 1

/** Sends `cont` at once: to ask for the run state first would prolong the pause. QEMU refuses it for a moment after the end (`finish-migrate`). */
async function resume(qmp: QmpConnection, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const refusal = await qmp.execute('cont', {}, { signal }).then(() => undefined, asRefusal)
    if (refusal === undefined) break
    await delay(RETRY_MS)
  }
  // Waits until it runs, or reports why it cannot.
  await contVm(qmp, { signal })
}

const ATTEMPTS = 100

function asRefusal(error: unknown): QmpRefusal {
  if (error instanceof QmpRefusal) return error
  throw error
}

function untilNext(
  beganMs: number,
  limitMs: number,
  steps: readonly { readonly part: number }[],
): number {
  const at = limitMs * (steps[0]?.part ?? 1)
  return Math.max(1, beganMs + at - performance.now())
}

async function rest(qmp: QmpConnection): Promise<number | undefined> {
  const progress = progressOf(await qmp.execute('query-migrate'))
  return progress.phase === 'active' ? progress.ram?.remainingBytes : undefined
}

async function rounds(qmp: QmpConnection): Promise<number> {
  const progress = progressOf(await qmp.execute('query-migrate'))
  return progress.phase === 'completed' ? (progress.stats.ram?.rounds ?? 0) : 0
}

/** QEMU may have stopped it, or completed, just before. */
async function stop(qmp: QmpConnection): Promise<void> {
  await qmp.execute('stop').catch(ignoreRefusal)
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof QmpRefusal)) throw error
}
