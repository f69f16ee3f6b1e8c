import { domainInfo } from '../../domain/info.ts'
import type { Verb } from '../verb.ts'

/** `domstate DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis domstate web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name, state } = await domainInfo(domain, { ...directories, signal })
    return { text: state, json: { name, state } }
  },
}
