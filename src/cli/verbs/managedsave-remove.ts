import { removeManagedSave } from '../../domain/save/managed-save.ts'
import type { Verb } from '../verb.ts'

/** `managedsave-remove DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name or UUID'),
  example: 'stasis managedsave-remove web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await removeManagedSave(domain, { ...directories, signal })
    return {
      text: `Removed managedsave image for domain '${name}'`,
      json: { type: 'result', name },
    }
  },
}
