import { checkSave } from '../../../domain/save/check-save.ts'
import { managedSaveDomain } from '../../../domain/save/managed-save.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import { type SaveFlags, declareSave, saveOptions } from '../../options/save.ts'
import { saveCheckReport } from '../../reports/save-check.ts'
import { saveReport } from '../../reports/save.ts'
import { configure } from '../../options/configured.ts'
import type { Verb } from '../../verb.ts'

/** `managedsave DOMAIN` */
export const verb: Verb<SaveFlags> = {
  declare: (command) => declareSave(command.argument('<domain>', 'name, UUID or id')),
  looks: (_args, { check }) => check === true,
  configure: (command) => configure('managedsave', command),
  example: 'stasis managedsave web --parallel-connections 4 --parallel-compression zstd',
  run: async ([domain = ''], flags, invocation) => {
    const { directories, signal, output } = invocation
    const options = await saveOptions(flags, signal)
    if (flags.check === true) {
      const asked = { ...directories, ...options, signal }
      return saveCheckReport(await checkSave(domain, undefined, asked), output)
    }
    using display = new ProgressDisplay(invocation)
    const onProgress = display.show
    const result = await managedSaveDomain(domain, {
      ...directories,
      ...options,
      signal,
      onProgress,
    })
    const text = `Domain '${result.name}' state saved by Stasis`
    return saveReport(result, { verbose: flags.verbose === true, text, output })
  },
}
