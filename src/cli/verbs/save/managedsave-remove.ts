import { removeManagedSave } from '../../../domain/save/managed-save.ts'
import type { Verb } from '../../verb.ts'

/** `managedsave-remove DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name or UUID'),
  example: 'stasis managedsave-remove web',
  run: async ([domain = ''], _flags, { directories, signal, output }) => {
    const { name, removed } = await removeManagedSave(domain, {
      ...directories,
      signal,
      onWarning: output.warn,
    })
    return {
      // Both in virsh's words.
      text: removed
        ? `Removed managedsave image for domain '${name}'`
        : `Domain '${name}' has no manage save image; removal skipped`,
      json: { type: 'result', name, removed },
    }
  },
}
