import { identifyDomain } from '../../../domain/status/identify.ts'
import type { Verb } from '../../verb.ts'

/** `domid DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  looks: true,
  example: 'stasis domid web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const found = await identifyDomain(domain, { ...directories, signal })
    return { text: String(found.id ?? '-'), json: { type: 'result', ...found } }
  },
}
