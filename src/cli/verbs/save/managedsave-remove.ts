import { removeManagedSave } from '../../../domain/save/managed-save.ts'
import type { Verb } from '../../verb.ts'
import { type TakeOverFlags, takeOverOption } from '../../options/take-over.ts'

/** `managedsave-remove DOMAIN` */
export const verb: Verb<TakeOverFlags> = {
  declare: (command) => command.argument('<domain>', 'name or UUID').addOption(takeOverOption()),
  example: 'stasis managedsave-remove web',
  run: async ([domain = ''], { takeOver }, { directories, signal, output }) => {
    const { name, removed } = await removeManagedSave(domain, {
      ...directories,
      signal,
      takeOver,
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
