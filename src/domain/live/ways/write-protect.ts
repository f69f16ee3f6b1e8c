import { contVm, stopAtOnce } from '../../../migration/run-state.ts'
import { collapseMemory } from '../../../transfer/live/collapse-memory.ts'
import { openLiveReceiver } from '../../../transfer/live/live-receiver.ts'
import { viewOf } from '../../machine/qemu-view.ts'
import { transferOut } from '../../save/save-transfer.ts'
import { prepareTransferSocket } from '../../store/confinement.ts'
import type { Captured, LiveCapture } from './live-way.ts'
import { placedMemory } from './guest-memory.ts'
import { warmUp } from './warm-up.ts'
import { PauseMeter } from './pause.ts'

const COLD =
  'the guest was stopped for longer than necessary: QEMU read all of its memory meanwhile, because this user may not read it before (root may)'

/**
 * Takes the memory of one moment by QEMU's `background-snapshot`. QEMU stops the guest, protects its memory, takes the state of its devices, and lets it
 * continue. It sends each page before the guest may change it, so the guest waits wherever this receiver does not read.
 * @throws StorageError, QemuError, CancelledError; the guest continues
 */
export async function captureByWriteProtect(capture: LiveCapture): Promise<Captured> {
  const { held, record, control, features, settings, guard, signal, report, atStop } = capture
  const { migrationSocket: socketPath } = held.paths
  const warnings: string[] = []
  let isHalted = false
  let continuing: Promise<void> | undefined
  const resume = async (): Promise<void> => {
    if (!isHalted) return
    isHalted = false
    await control.execute('cont')
    continuing = capture.onContinue?.()
  }
  let connection: number | undefined
  // A connection that the watcher does not keep breaks with this process, and the watcher permits the writes.
  const hold = (fd: number): void => void guard.hold(fd).catch(() => undefined)
  await prepareTransferSocket(held.paths, socketPath)
  await using receiver = await openLiveReceiver({
    ...capture,
    socketPath,
    onMemory: async () => {
      const kept = isHalted ? connection : undefined
      await resume()
      if (kept !== undefined) hold(kept)
    },
    onConnection: (fd) => {
      connection = fd
      // To start a process takes longer than everything else while the guest is stopped.
      if (!isHalted) hold(fd)
    },
  })
  using _permit = guard.permitAfterFailure(control, { failed: receiver.received, signal })
  using meter = new PauseMeter(control)
  const startMs = performance.now()
  await collapseMemory(record.pid, await placedMemory(control, capture), signal)
  const view = viewOf(control, held.paths, record.confinement)
  const transfer = async (beforeStart?: () => Promise<void>): Promise<void> => {
    await transferOut(control, receiver, {
      ...{ settings, features, view, signal, report, beforeStart },
      backgroundSnapshot: true,
    })
  }
  if (atStop === undefined || !capture.running) {
    await transfer(atStop)
  } else {
    const { memoryBytes } = capture
    if (!(await warmUp(control, { pid: record.pid, memoryBytes }, signal))) warnings.push(COLD)
    await receiver.prepared
    try {
      await transfer(async () => {
        await capture.beforeStop?.()
        await atStop(stopAtOnce(control))
        // QEMU leaves a guest stopped that it found stopped.
        isHalted = true
      })
    } finally {
      if (control.state === 'ready') await contVm(control)
      await continuing
    }
  }
  const transferMs = performance.now() - startMs
  const machine = receiver.machine()
  return {
    way: 'write-protect',
    machine,
    ...(await meter.last()),
    warnings,
    transferMs,
    intake: receiver.figures(),
  }
}
