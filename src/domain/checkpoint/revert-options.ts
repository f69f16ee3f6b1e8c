import type { Act } from '../acts/keep-act.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import type { RestoreOptions } from '../restore/restore-request.ts'
import type { WarningOptions } from '../store/domain-options.ts'

/** How to return to a checkpoint. */
export interface RevertOptions
  extends
    WarningOptions,
    Omit<
      RestoreOptions,
      'clone' | 'xml' | 'resumeAs' | 'force' | 'keepImage' | 'wait' | 'newGenid' | 'resetNvram'
    > {
  /** Whether the guest runs. Default: as at the instant of the checkpoint. A guest that was off is started. */
  readonly state?: ResumedState | undefined
  /** Give up the guest as it is now. Default: its memory and disks become a checkpoint first. */
  readonly discard?: boolean | undefined
}

/** The same, with the act that it is part of. */
export type Reverting = RevertOptions & { readonly act: Act }
