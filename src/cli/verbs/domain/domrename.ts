import { renameDomain } from '../../../domain/lifecycle/rename.ts'
import type { Verb } from '../../verb.ts'

/** `domrename DOMAIN NEW-NAME` */
export const verb: Verb = {
  declare: (command) =>
    command.argument('<domain>', 'name or UUID').argument('<new-name>', 'the new name'),
  example: 'stasis domrename web web-old',
  run: async ([domain = '', newName = ''], _flags, { directories, signal, output }) => {
    const { name } = await renameDomain(domain, newName, {
      ...directories,
      signal,
      onWarning: output.warn,
    })
    return { text: 'Domain successfully renamed', json: { type: 'result', name } }
  },
}
