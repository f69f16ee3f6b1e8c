import { managedSaveLive } from '../../../domain/live/managed-live.ts'
import { managedSaveDomain } from '../../../domain/save/managed-save.ts'
import { type IfRunningFlags, ifRunning, ifRunningOption } from '../../options/if-running.ts'
import { type SaveFlags, configureSave, declareSave } from '../../options/save.ts'
import type { Verb } from '../../verb.ts'
import { type SaveAct, takeSave } from '../../reports/take-save.ts'

interface Flags extends SaveFlags, IfRunningFlags {}

/** `managedsave DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareSave(command.argument('<domain>', 'name, UUID or id')).addOption(ifRunningOption()),
  looks: (_args, { check }) => check === true,
  configure: (command) => configureSave('managedsave', command),
  example: 'stasis managedsave web --parallel-connections 4 --parallel-compression zstd',
  run: ([domain = ''], flags, invocation) =>
    ifRunning(domain, flags, () => {
      const act: SaveAct = {
        file: undefined,
        save: (options) => managedSaveDomain(domain, options),
        saveLive: (options) => managedSaveLive(domain, options),
        text: (name) => `Domain '${name}' state saved by Stasis`,
        liveText: (name) => `Safety copy of domain '${name}' saved by Stasis; it continues`,
      }
      return takeSave(domain, act, flags, invocation)
    }),
}
