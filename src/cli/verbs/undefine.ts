import { undefineDomain } from '../../domain/undefine.ts'
import type { Verb } from '../verb.ts'

/** `undefine DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis undefine web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await undefineDomain(domain, { ...directories, signal })
    return { text: `Domain '${name}' has been undefined`, json: { type: 'result', name } }
  },
}
