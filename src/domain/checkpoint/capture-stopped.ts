import type { SavedImage } from '../../transfer/image-receiver.ts'
import { startImageReceiver } from '../../transfer/image-receivers/receiver-table.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { viewOf } from '../machine/qemu-view.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import type { SavePlan } from '../save/plan-save.ts'
import type { SaveSettings } from '../save/save-options.ts'
import { transferOut } from '../save/save-transfer.ts'
import { prepareTransferSocket } from '../store/confinement.ts'
import { whileStopped } from '../save/brief-stop.ts'

/** The memory of a guest that is taken while it is stopped. */
export interface StoppedCapture {
  readonly held: HeldDomain
  readonly control: QmpConnection
  readonly plan: SavePlan
  readonly settings: SaveSettings
  readonly path: string
  /** Where the image is once the checkpoint is listed. */
  readonly listedAs: string
  readonly signal: AbortSignal
  readonly report: OnProgress<SaveProgress>
  /** Runs at the instant of the image. */
  readonly atStop: () => Promise<void>
  readonly beforeStop: (() => Promise<void>) | undefined
  /** The guest stays stopped afterwards. */
  readonly stays?: boolean | undefined
}

/** Memory that was taken. */
export interface TakenMemory {
  readonly image: SavedImage
  readonly way: string
  readonly pauseMs: number
}

/** Writes the memory of a guest into an image while the guest is stopped, then lets it continue. @throws StorageError, QemuError, CancelledError */
export async function captureStopped(capture: StoppedCapture): Promise<TakenMemory> {
  const { held, control, plan, settings, path, signal, report } = capture
  const { record, savable, description } = plan
  await using start = startImageReceiver(settings.format, settings)
  await prepareTransferSocket(held.paths, held.paths.migrationSocket)
  await using receiver = await start.open({
    ...settings,
    path,
    target: undefined,
    socketPath: held.paths.migrationSocket,
    description,
    digest: undefined,
  })
  const { stays, beforeStop } = capture
  const stop = { control, record, file: path, signal, stays, beforeStop }
  const { result: image, pauseMs } = await whileStopped(held, stop, async () => {
    await capture.atStop()
    const view = viewOf(control, held.paths, record.confinement)
    const { features } = savable
    await transferOut(control, receiver, { settings, features, view, signal, report })
    report({ phase: 'flushing', fileBytes: receiver.progress().fileBytes })
    await plan.disks.record(held, capture.listedAs)
    return receiver.publish()
  })
  return { image, way: 'stopped', pauseMs }
}
