import { editDomain } from '../../../domain/lifecycle/edit.ts'
import { type AllowFlags, declareAllow } from '../../options/allow.ts'
import { errorText } from '../../reports/error.ts'
import { askWhetherAgain } from '../../terminal/ask-again.ts'
import { chosenEditor } from '../../terminal/chosen-editor.ts'
import { ignoreUnsupportedOption } from '../../options/ignore-unsupported.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends Pick<AllowFlags, 'allow'> {
  readonly skipValidate?: boolean
  readonly ignoreUnsupported?: boolean
  readonly removeManagedSave?: boolean
}

/** `edit DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareAllow(command)
      .argument('<domain>', 'name, UUID or id')
      .option('--skip-validate', 'accepted and ignored: Stasis checks what it would run')
      .addOption(ignoreUnsupportedOption())
      .option('--remove-managed-save', 'delete the managed save of the domain if it changes'),
  example: 'EDITOR=nano stasis edit web',
  run: async ([domain = ''], flags, { directories, signal, output }) => {
    const { name, changed } = await editDomain(domain, {
      ...directories,
      signal,
      editor: chosenEditor(),
      ignoreUnsupported: flags.ignoreUnsupported,
      removeManagedSave: flags.removeManagedSave,
      allow: flags.allow,
      onWarning: output.warn,
      onFault: (error) => askWhetherAgain(errorText(error, { debug: false }), output),
    })
    const text = `Domain '${name}' XML configuration ${changed ? 'edited' : 'not changed'}.`
    return { text, json: { type: 'result', name, changed } }
  },
}
