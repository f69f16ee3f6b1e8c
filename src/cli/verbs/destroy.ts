import { destroyDomain } from '../../domain/lifecycle/destroy.ts'
import type { Verb } from '../verb.ts'

/** `destroy DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis destroy web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await destroyDomain(domain, { ...directories, signal })
    return { text: `Domain '${name}' destroyed`, json: { type: 'result', name } }
  },
}
