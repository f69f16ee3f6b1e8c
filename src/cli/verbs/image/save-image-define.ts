import { defineImage } from '../../../domain/images/define-image.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from '../../options/resume-as.ts'
import type { Verb } from '../../verb.ts'
import { readXmlFile } from '../../options/xml-file.ts'

/** `save-image-define FILE XML` */
export const verb: Verb<ResumeFlags> = {
  declare: (command) =>
    declareResumeAs(
      command
        .argument('<file>', 'a save image')
        .argument('<xml>', 'domain XML; the guest must not see a difference'),
      'when it is restored',
    ),
  example: 'stasis save-image-define /backup/web.save web.xml --paused',
  run: async ([file = '', xml = ''], flags, { directories, signal, output }) => {
    const given = await readXmlFile(xml, signal)
    const options = { ...directories, resumeAs: resumeAs(flags), onWarning: output.warn }
    const changed = await defineImage(file, () => Promise.resolve(given), options)
    return { text: `${file} updated`, json: { type: 'result', path: file, changed } }
  },
}
