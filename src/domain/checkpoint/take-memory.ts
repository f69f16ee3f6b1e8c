import type { QmpConnection } from '../../qmp/connection.ts'
import type { WriterOptions } from '../../transfer/convert/writer-options.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { resolveLiveOptions } from '../live/live-options.ts'
import type { AtStop } from '../live/ways/live-way.ts'
import type { LivePlan } from '../live/plan-live.ts'
import type { SavePlan } from '../save/plan-save.ts'
import { resolveSaveOptions } from '../save/save-options.ts'
import { whileStopped } from '../save/brief-stop.ts'
import { captureLive } from './capture-live.ts'
import { type TakenMemory, captureStopped } from './capture-stopped.ts'
import type { RunningOptions } from './running-options.ts'

/** What happens around the instant of a checkpoint, and where its memory goes. */
export interface Instant {
  readonly atStop: AtStop
  readonly beforeStop?: () => Promise<void>
  readonly onContinue?: () => Promise<void>
  /** The file that is written. */
  readonly path: string
  /** The path of that file when the checkpoint is in the list. */
  readonly listedAs: string
  readonly pageDigests: WriterOptions['pageDigests']
}

/** Stops the guest, runs `atStop`, and takes the memory by the way of `plan`; with `diskOnly` none. */
export async function takeMemory(
  held: HeldDomain,
  control: QmpConnection,
  plan: SavePlan | LivePlan,
  options: RunningOptions & Instant,
): Promise<Partial<TakenMemory> & { readonly pauseMs: number }> {
  const { atStop, path, listedAs, signal, report, guestStays: stays } = options
  const { beforeStop, onContinue = async () => undefined } = options
  const { record } = plan
  if (options.diskOnly === true) {
    const stop = { control, record, file: path, signal, stays, beforeStop }
    return { ...(await whileStopped(held, stop, atStop)), way: 'disks' }
  }
  const shared = { held, control, signal, report, atStop, beforeStop, listedAs }
  if ('choice' in plan) {
    const { pageDigests } = options
    const live = { ...shared, onContinue, pageDigests }
    return captureLive(plan, { ...live, settings: resolveLiveOptions(options) })
  }
  const settings = resolveSaveOptions(options)
  return captureStopped({ ...shared, plan, settings, path, stays })
}
