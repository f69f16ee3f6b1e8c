import { undefineDomain } from '../../domain/lifecycle/undefine.ts'
import type { Verb } from '../verb.ts'

/** `undefine DOMAIN` */
export const verb: Verb<{ readonly managedSave?: boolean; readonly tpm?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--managed-save', 'also delete the managed save')
      .option('--tpm', 'also delete the state of its TPM')
      .option('--keep-tpm', 'keep the state of its TPM, as without this option'),
  example: 'stasis undefine web',
  run: async ([domain = ''], { managedSave, tpm }, { directories, signal, output }) => {
    const { name } = await undefineDomain(domain, {
      ...directories,
      signal,
      managedSave,
      tpm,
      onWarning: (text) => output.note(`warning: ${text}`),
    })
    return { text: `Domain '${name}' has been undefined`, json: { type: 'result', name } }
  },
}
