import { checkSave } from '../../../domain/save/check-save.ts'
import { checkLive } from '../../../domain/live/check-live.ts'
import { managedSaveLive } from '../../../domain/live/managed-live.ts'
import { managedSaveDomain } from '../../../domain/save/managed-save.ts'
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
import { type IfRunningFlags, ifRunning, ifRunningOption } from '../../options/if-running.ts'

interface Flags extends SaveFlags, IfRunningFlags {}

/** `managedsave DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareSave(command.argument('<domain>', 'name, UUID or id')).addOption(ifRunningOption()),
  looks: (_args, { check }) => check === true,
  configure: (command) => configureSave('managedsave', command),
  example: 'stasis managedsave web --parallel-connections 4 --parallel-compression zstd',
  run: ([domain = ''], flags, invocation) =>
    ifRunning(domain, flags, async () => {
      const { directories, signal, output } = invocation
      const options = await saveOptions(flags, signal)
      if (flags.check === true) {
        const asked = { ...directories, ...options, signal }
        const check = isLive(flags) ? checkLive : checkSave
        return saveCheckReport(await check(domain, undefined, asked), output)
      }
      using display = new ProgressDisplay(invocation)
      const onProgress = display.show
      const work = { ...directories, ...options, signal, onProgress }
      const verbose = flags.verbose === true
      if (isLive(flags)) {
        const result = await managedSaveLive(domain, work)
        const text = `Safety copy of domain '${result.name}' saved by Stasis; it continues`
        return saveReport(result, { verbose, text, output })
      }
      const result = await managedSaveDomain(domain, work)
      const text = `Domain '${result.name}' state saved by Stasis`
      return saveReport(result, { verbose, text, output })
    }),
}
