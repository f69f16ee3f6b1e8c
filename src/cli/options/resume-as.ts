import { type Command, Option } from 'commander'
import type { ResumedState } from '../../domain/machine/domain-state.ts'

/** The two options as commander names them. */
export interface ResumeFlags {
  readonly running?: boolean
  readonly paused?: boolean
}

/** Adds `--running` and `--paused`, which exclude each other. `when` ends their descriptions. */
export function declareResumeAs(command: Command, when = ''): Command {
  const running = `let the guest run ${when}`.trim()
  const paused = `leave the guest paused ${when}`.trim()
  return command
    .addOption(new Option('--running', running).conflicts('paused'))
    .addOption(new Option('--paused', paused).conflicts('running'))
}

/** Whether the guest runs or is paused, from the flags. */
export function resumeAs({ running, paused }: ResumeFlags): ResumedState | undefined {
  return running === true ? 'running' : paused === true ? 'paused' : undefined
}
