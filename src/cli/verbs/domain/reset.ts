import { resetDomain } from '../../../domain/lifecycle/power.ts'
import type { Verb } from '../../verb.ts'

/** `reset DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis reset web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await resetDomain(domain, { ...directories, signal })
    return { text: `Domain '${name}' was reset`, json: { type: 'result', name } }
  },
}
