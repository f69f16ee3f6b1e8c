import { shutDownDomain } from '../../../domain/lifecycle/power.ts'
import { type PowerFlags, declarePowerMode } from '../../options/power-mode.ts'
import type { Verb } from '../../verb.ts'

/** `shutdown DOMAIN` */
export const verb: Verb<PowerFlags> = {
  declare: (command) => declarePowerMode(command.argument('<domain>', 'name, UUID or id')),
  example: 'stasis shutdown web --mode agent',
  run: async ([domain = ''], { mode }, { directories, signal }) => {
    const { name } = await shutDownDomain(domain, { ...directories, signal, mode })
    return { text: `Domain '${name}' is being shutdown`, json: { type: 'result', name } }
  },
}
