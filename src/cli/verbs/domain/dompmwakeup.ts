import { wakeDomain } from '../../../domain/lifecycle/wake-up.ts'
import type { Verb } from '../../verb.ts'

/** `dompmwakeup DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis dompmwakeup laptop',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await wakeDomain(domain, { ...directories, signal })
    return { text: `Domain '${name}' successfully woken up`, json: { type: 'result', name } }
  },
}
