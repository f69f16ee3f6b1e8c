import { identifyDomain } from '../../../domain/status/identify.ts'
import type { Verb } from '../../verb.ts'

/** `domuuid DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  looks: true,
  example: 'stasis domuuid web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const found = await identifyDomain(domain, { ...directories, signal })
    return { text: found.uuid, json: { type: 'result', ...found } }
  },
}
