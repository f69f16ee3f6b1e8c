import { modeOption } from '../../options/mode.ts'
import { cloneCheckpoint } from '../../../domain/checkpoint/clones/clone-checkpoint.ts'
import type { RestoreOptions } from '../../../domain/restore/restore-request.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from '../../options/resume-as.ts'
import { restoreReport } from '../../reports/restore.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends ResumeFlags {
  readonly clone: string
  readonly diskOverlay?: string
  readonly mode?: RestoreOptions['mode']
}

/** `checkpoint-restore DOMAIN NAME --clone NEWNAME` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareResumeAs(
      command
        .argument('<domain>', 'name, UUID or id')
        .argument('<name>', 'the checkpoint')
        .requiredOption('--clone <name>', 'name of the new domain, which runs beside the old one')
        .option('--disk-overlay <dir>', 'directory for its overlays (default: beside the disks)')
        .addOption(modeOption()),
    ),
  example: 'stasis checkpoint-restore web before-upgrade --clone web-trial',
  run: async ([domain = '', name = ''], flags, invocation) => {
    const { directories, signal, output } = invocation
    using display = new ProgressDisplay(invocation)
    const result = await cloneCheckpoint(domain, name, flags.clone, {
      ...directories,
      overlays: flags.diskOverlay,
      mode: flags.mode,
      resumeAs: resumeAs(flags),
      signal,
      onWarning: output.warn,
      onProgress: display.show,
    })
    const text = `Domain '${result.name}' made from checkpoint '${name}' of domain '${domain}'`
    return restoreReport(result, { verbose: false, text })
  },
}
