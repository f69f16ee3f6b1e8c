import { resumeDomain } from '../../../domain/lifecycle/resume.ts'
import type { Verb } from '../../verb.ts'

/** `resume DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis resume web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await resumeDomain(domain, { ...directories, signal })
    return { text: `Domain '${name}' resumed`, json: { type: 'result', name } }
  },
}
