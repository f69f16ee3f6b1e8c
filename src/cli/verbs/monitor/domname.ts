import { identifyDomain } from '../../../domain/status/identify.ts'
import type { Verb } from '../../verb.ts'

/** `domname DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  looks: true,
  example: 'stasis domname web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const found = await identifyDomain(domain, { ...directories, signal })
    return { text: found.name, json: { type: 'result', ...found } }
  },
}
