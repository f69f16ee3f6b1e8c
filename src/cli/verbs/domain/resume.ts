import { resumeDomain } from '../../../domain/lifecycle/resume.ts'
import type { Verb } from '../../verb.ts'

/** `resume DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis resume web',
  run: async ([domain = ''], _flags, { directories, signal, output }) => {
    const onWarning = (text: string): void => output.warn(text)
    const { name } = await resumeDomain(domain, { ...directories, signal, onWarning })
    return { text: `Domain '${name}' resumed`, json: { type: 'result', name } }
  },
}
