import { checkSave } from '../../../domain/save/check-save.ts'
import { saveDomain } from '../../../domain/save/save.ts'
import { imageFile } from '../../options/image-file.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import { type SaveFlags, declareSave, saveOptions } from '../../options/save.ts'
import { saveCheckReport } from '../../reports/save-check.ts'
import { saveReport } from '../../reports/save.ts'
import { configure } from '../../options/configured.ts'
import type { Verb } from '../../verb.ts'

/** `save DOMAIN FILE` */
export const verb: Verb<SaveFlags> = {
  declare: (command) =>
    declareSave(
      command
        .argument('<domain>', 'name, UUID or id')
        .argument(
          '<file>',
          'the new image; an existing file is replaced only at the end. A pipe, a block device or - (standard output) with a format other than stasis, channels and sparse',
        ),
    ),
  looks: (_args, { check }) => check === true,
  configure: (command) => configure('save', command),
  example: 'stasis save web /backup/web.save --parallel-connections 4 --parallel-compression zstd',
  run: async ([domain = '', given = ''], flags, invocation) => {
    const { directories, signal, output } = invocation
    const file = imageFile(given, output)
    const options = await saveOptions(flags, signal)
    if (flags.check === true) {
      const asked = { ...directories, ...options, signal }
      return saveCheckReport(await checkSave(domain, file, asked), output)
    }
    using display = new ProgressDisplay(invocation)
    const onProgress = display.show
    const result = await saveDomain(domain, file, {
      ...directories,
      ...options,
      signal,
      onProgress,
    })
    return saveReport(result, {
      verbose: flags.verbose === true,
      output,
      text: `Domain '${result.name}' saved to ${file}`,
    })
  },
}
