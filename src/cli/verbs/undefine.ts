import { undefineDomain } from '../../domain/lifecycle/undefine.ts'
import type { Verb } from '../verb.ts'

/** `undefine DOMAIN` */
export const verb: Verb<{ readonly managedSave?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--managed-save', 'also delete the managed save'),
  example: 'stasis undefine web',
  run: async ([domain = ''], { managedSave }, { directories, signal }) => {
    const { name } = await undefineDomain(domain, { ...directories, signal, managedSave })
    return { text: `Domain '${name}' has been undefined`, json: { type: 'result', name } }
  },
}
