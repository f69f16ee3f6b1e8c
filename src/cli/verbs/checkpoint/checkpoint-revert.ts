import { revertToCheckpoint } from '../../../domain/checkpoint/revert-checkpoint.ts'
import { type RevertFlags, declareRevert, revertOptions, revertText } from '../../options/revert.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import type { Verb } from '../../verb.ts'

/** `checkpoint-revert DOMAIN NAME` */
export const verb: Verb<RevertFlags> = {
  declare: (command) =>
    declareRevert(
      command
        .argument('<domain>', 'name, UUID or id; a running guest ends')
        .argument('<name>', 'the checkpoint'),
    ),
  example: 'stasis checkpoint-revert web before-upgrade',
  run: async ([domain = '', name = ''], flags, invocation) => {
    const { directories, signal, output } = invocation
    using display = new ProgressDisplay(invocation)
    const result = await revertToCheckpoint(domain, name, {
      ...directories,
      ...revertOptions(flags),
      signal,
      onProgress: display.show,
      onWarning: output.warn,
    })
    const text = `Domain '${result.domain}' is as at checkpoint '${name}': ${revertText(result)}`
    return { text, json: { type: 'result', ...result } }
  },
}
