import type { Command } from 'commander'
import type { RevertResult } from '../../domain/checkpoint/revert-checkpoint.ts'
import type { RevertOptions } from '../../domain/checkpoint/revert-options.ts'
import { type ChannelFlags, channelsOf, declareChannels } from './channels.ts'
import { modeOption } from './mode.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from './resume-as.ts'

/** The options as commander names them. */
export interface RevertFlags extends ChannelFlags, ResumeFlags {
  readonly mode?: RevertOptions['mode']
  readonly discard?: boolean
  readonly connections?: number
}

/** Adds the options of a return to a checkpoint. */
export function declareRevert(command: Command): Command {
  return declareResumeAs(declareChannels(command, 'the number of readers'), 'afterwards')
    .addOption(modeOption())
    .option('--discard', 'do not keep what the guest is now as a checkpoint')
}

/** The options of a return to a checkpoint, from the flags. */
export function revertOptions(flags: RevertFlags): RevertOptions {
  return {
    mode: flags.mode,
    discard: flags.discard,
    readers: channelsOf(flags),
    state: resumeAs(flags),
  }
}

/** The message for the user. */
export function revertText({ kept, state }: RevertResult): string {
  const now = { running: 'it runs', paused: 'it is paused', shutoff: 'it is off' }[state]
  return `${now}${kept === undefined ? '' : `; what it was before is checkpoint '${kept}'`}`
}
