import { suspendDomain } from '../../../domain/lifecycle/suspend.ts'
import type { Verb } from '../../verb.ts'

/** `suspend DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis suspend web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await suspendDomain(domain, { ...directories, signal })
    return { text: `Domain '${name}' suspended`, json: { type: 'result', name } }
  },
}
