import { defineManagedSave } from '../../../domain/save/define-managed-save.ts'
import { dumpManagedSaveXml } from '../../../domain/save/managed-save.ts'
import { editText } from '../../terminal/edit-text.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from '../../options/resume-as.ts'
import type { Verb } from '../../verb.ts'

/** `managedsave-edit DOMAIN` */
export const verb: Verb<ResumeFlags> = {
  declare: (command) =>
    declareResumeAs(command.argument('<domain>', 'name or UUID'), 'when it starts'),
  example: 'EDITOR=nano stasis managedsave-edit web',
  run: async ([domain = ''], flags, { directories, signal }) => {
    const old = await dumpManagedSaveXml(domain, { ...directories, signal })
    const options = { ...directories, signal, resumeAs: resumeAs(flags) }
    const text = await editText(old, 'domain.xml')
    if (text === undefined && options.resumeAs === undefined)
      return { text: 'The XML was not changed', json: { type: 'result', changed: false } }
    const xml = { text: text ?? old }
    const { name } = await defineManagedSave(domain, xml, options)
    return {
      text: `Managed save state file of domain '${name}' edited.`,
      json: { type: 'result', name, changed: true },
    }
  },
}
