import { defineManagedSave } from '../../../domain/save/define-managed-save.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from '../../options/resume-as.ts'
import type { Verb } from '../../verb.ts'
import { readXmlFile } from '../../options/xml-file.ts'

/** `managedsave-define DOMAIN XML` */
export const verb: Verb<ResumeFlags> = {
  declare: (command) =>
    declareResumeAs(
      command
        .argument('<domain>', 'name or UUID')
        .argument('<xml>', 'domain XML; the guest must not see a difference'),
      'when it starts',
    ),
  example: 'stasis managedsave-define web web.xml',
  run: async ([domain = '', file = ''], flags, { directories, signal }) => {
    const xml = await readXmlFile(file, signal)
    const options = { ...directories, signal, resumeAs: resumeAs(flags) }
    const { name } = await defineManagedSave(domain, xml, options)
    return {
      text: `Managed save state file of domain '${name}' updated.`,
      json: { type: 'result', name },
    }
  },
}
