import { checkSave } from '../../../domain/save/check-save.ts'
import { checkLive } from '../../../domain/live/check-live.ts'
import { saveLive } from '../../../domain/live/live-save.ts'
import { saveDomain } from '../../../domain/save/save.ts'
import { imageFile } from '../../options/image-file.ts'
import { ProgressDisplay } from '../../terminal/progress-display.ts'
import {
  type SaveFlags,
  configureSave,
  declareSave,
  isLive,
  saveOptions,
} from '../../options/save.ts'
import { saveCheckReport } from '../../reports/save-check.ts'
import { saveReport } from '../../reports/save.ts'
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
  configure: (command) => configureSave('save', command),
  example: 'stasis save web /backup/web.save --parallel-connections 4 --parallel-compression zstd',
  run: async ([domain = '', given = ''], flags, invocation) => {
    const { directories, signal, output } = invocation
    const file = imageFile(given, output)
    const options = await saveOptions(flags, signal)
    if (flags.check === true) {
      const asked = { ...directories, ...options, signal }
      const check = isLive(flags) ? checkLive : checkSave
      return saveCheckReport(await check(domain, file, asked), output)
    }
    using display = new ProgressDisplay(invocation)
    const onProgress = display.show
    const work = { ...directories, ...options, signal, onProgress }
    const verbose = flags.verbose === true
    if (isLive(flags)) {
      const result = await saveLive(domain, file, work)
      const text = `State of domain '${result.name}' saved to ${file}; it continues`
      return saveReport(result, { verbose, output, text })
    }
    const result = await saveDomain(domain, file, work)
    return saveReport(result, {
      verbose,
      output,
      text: `Domain '${result.name}' saved to ${file}`,
    })
  },
}
