import { FIRST_DOWNTIME_MS, type PrecopyEnd, steerPrecopy } from '../../../migration/precopy.ts'
import {
  type PrecopyReceiver,
  openPrecopyReceiver,
} from '../../../transfer/live/precopy-receiver.ts'
import { viewOf } from '../../machine/qemu-view.ts'
import { transferOut } from '../../save/save-transfer.ts'
import { prepareTransferSocket } from '../../store/confinement.ts'
import type { Captured, LiveCapture } from './live-way.ts'
import { losesWrites } from './loses-writes.ts'
import { placeForNewest } from './newest-place.ts'
import { PauseMeter } from './pause.ts'

const MAY_BE_WRONG =
  'this QEMU without KVM misses writes of a guest that runs while its memory is sent: some pages of the image may be older than its moment'

/**
 * Takes the memory of one moment by an ordinary migration: QEMU sends memory while the guest runs, then what has changed meanwhile, and stops the guest for the
 * rest. The image is written after that, from the newest version of each page, while the guest runs again.
 * @throws StorageError, QemuError, CancelledError; the guest continues
 */
export async function captureByPrecopy(capture: LiveCapture): Promise<Captured> {
  const { held, control, guard, signal } = capture
  const { migrationSocket: socketPath } = held.paths
  const warnings = (await losesWrites(capture)) ? [MAY_BE_WRONG] : []
  await prepareTransferSocket(held.paths, socketPath)
  await using receiver = await openPrecopyReceiver({
    ...capture,
    socketPath,
    keepIn: await placeForNewest(capture),
    // QEMU's migration may end well although this process is killed, and the watcher then resumes the guest.
    onConnection: (fd) => void guard.hold(fd).catch(() => undefined),
  })
  using meter = new PauseMeter(control)
  const startMs = performance.now()
  // QEMU chooses the moment of the stop, so this cannot be later.
  await capture.beforeStop?.()
  const { isForced, restBytes, rounds } = await migrate(capture, receiver)
  const transferMs = performance.now() - startMs
  await capture.onContinue?.()
  const pause = await meter.last()
  // The guest runs again: what is slow from here on delays only the image.
  const machine = await receiver.write(signal)
  return {
    way: 'precopy',
    machine,
    ...pause,
    warnings,
    transferMs,
    intake: receiver.figures(),
    precopy: { isForced, restBytes, rounds, sentBytes: receiver.sentBytes },
  }
}

/** Until the guest runs again and everything was received. */
async function migrate(capture: LiveCapture, receiver: PrecopyReceiver): Promise<PrecopyEnd> {
  const { held, record, control, features, settings, running, signal, report, atStop } = capture
  const view = viewOf(control, held.paths, record.confinement)
  const over = new AbortController()
  const steering = steerPrecopy(control, {
    limitMs: capture.timeoutMs,
    running,
    onStop: () => receiver.guestStops(),
    atStop,
    signal: over.signal,
  })
  // A fault of the steering ends the migration, and the transfer reports it.
  const fault = new AbortController()
  steering.catch((error: unknown) => fault.abort(error)).finally(() => receiver.guestRuns())
  try {
    await transferOut(control, receiver, {
      ...{ settings, features, view, report },
      signal: AbortSignal.any([signal, fault.signal]),
      precopy: {
        downtimeLimitMs: FIRST_DOWNTIME_MS,
        pauseBeforeSwitchover: atStop !== undefined,
      },
    })
    return await steering
  } catch (error) {
    if (fault.signal.aborted && !signal.aborted) throw fault.signal.reason
    throw error
  } finally {
    over.abort()
  }
}
