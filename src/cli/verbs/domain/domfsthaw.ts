import { thawDomain } from '../../../domain/lifecycle/freeze.ts'
import type { Verb } from '../../verb.ts'

/** `domfsthaw DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis domfsthaw web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await thawDomain(domain, { ...directories, signal })
    const text = `File systems of domain '${name}' thawed`
    return { text, json: { type: 'result', name } }
  },
}
