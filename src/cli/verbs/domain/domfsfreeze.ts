import { freezeDomain } from '../../../domain/lifecycle/freeze.ts'
import type { Verb } from '../../verb.ts'

/** `domfsfreeze DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis domfsfreeze web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await freezeDomain(domain, { ...directories, signal })
    const text = `File systems of domain '${name}' frozen`
    return { text, json: { type: 'result', name } }
  },
}
