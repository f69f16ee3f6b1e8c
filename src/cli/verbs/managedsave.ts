import { checkSave } from '../../domain/check-save.ts'
import { managedSaveDomain } from '../../domain/managed-save.ts'
import { ProgressDisplay } from '../progress-display.ts'
import { type SaveFlags, declareSave, saveOptions } from '../save-options.ts'
import { saveCheckReport } from '../save-check-report.ts'
import { saveReport } from '../save-report.ts'
import type { Verb } from '../verb.ts'

/** `managedsave DOMAIN` */
export const verb: Verb<SaveFlags> = {
  declare: (command) => declareSave(command.argument('<domain>', 'name, UUID or id')),
  example: 'stasis managedsave web --parallel-connections 4 --parallel-compression zstd',
  run: async ([domain = ''], flags, invocation) => {
    const { directories, signal, output } = invocation
    const options = await saveOptions(flags)
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
    const { text, json } = saveReport(result, { verbose: flags.verbose === true })
    const [, ...facts] = text.split('\n')
    const line = `Domain '${result.name}' state saved by Stasis`
    return { text: [line, ...facts].join('\n'), json }
  },
}
