import { revertToCheckpoint } from '../../../domain/checkpoint/revert-checkpoint.ts'
import { type RevertFlags, declareRevert, revertOptions, revertText } from '../../options/revert.ts'
import { type WhichFlags, declareWhich, whichSnapshot } from '../../options/which-snapshot.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends RevertFlags, WhichFlags {
  readonly force?: boolean
}

/** `snapshot-revert DOMAIN NAME` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareRevert(declareWhich(command)).option(
      '--force',
      'accepted: nothing is refused without it',
    ),
  example: 'stasis snapshot-revert web monday',
  run: async ([domain = '', name], flags, invocation) => {
    const { directories, signal, output } = invocation
    const meant = await whichSnapshot(domain, name, flags, { ...directories, signal })
    using display = new ProgressDisplay(invocation)
    const result = await revertToCheckpoint(domain, meant, {
      ...directories,
      ...revertOptions(flags),
      signal,
      onProgress: display.show,
      onWarning: output.warn,
    })
    const text = `Domain snapshot ${meant} reverted: ${revertText(result)}`
    return { text, json: { type: 'result', ...result } }
  },
}
