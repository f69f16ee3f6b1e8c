import type { QmpConnection } from '../../qmp/connection.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import type { AtStop } from '../live/ways/live-way.ts'
import type { LivePlan } from '../live/plan-live.ts'
import { type LiveWriting, writeLiveImage } from '../live/write-live-image.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import type { SaveSettings } from '../save/save-options.ts'
import type { TakenMemory } from './capture-stopped.ts'

/** How the memory of a guest that continues is taken. */
interface LiveTaking {
  readonly held: HeldDomain
  readonly control: QmpConnection
  readonly settings: SaveSettings
  /** Where the image is once the checkpoint is listed. */
  readonly listedAs: string
  readonly signal: AbortSignal
  readonly report: OnProgress<SaveProgress>
  readonly pageDigests: LiveWriting['pageDigests']
  /** Runs at the instant of the image. */
  readonly atStop: AtStop
  readonly beforeStop: (() => Promise<void>) | undefined
  readonly onContinue: () => Promise<void>
}

/** Writes the memory of one instant into an image while the guest continues. @throws as `writeLiveImage` */
export async function captureLive(plan: LivePlan, taking: LiveTaking): Promise<TakenMemory> {
  const { held, listedAs } = taking
  const writing: LiveWriting = { ...taking, digest: false, target: undefined }
  const { image, captured } = await writeLiveImage(plan, writing)
  await plan.disks.record(held, listedAs)
  return { image, way: captured.way, pauseMs: captured.pauseMs }
}
