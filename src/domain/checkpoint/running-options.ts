import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import type { CheckpointOptions } from './checkpoint-options.ts'

/** How to make a checkpoint of a domain that runs. */
export type RunningOptions = CheckpointOptions & {
  /** The guest does not continue afterwards: its present is about to be given up. */
  readonly guestStays?: boolean
  readonly signal: AbortSignal
  readonly report: OnProgress<SaveProgress>
}

/** Whether the guest continues while its memory is written. */
export function isLive({ stopped, diskOnly, guestStays }: RunningOptions): boolean {
  return stopped !== true && diskOnly !== true && guestStays !== true
}
