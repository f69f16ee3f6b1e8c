import { editImage } from '../../../domain/images/edit-image.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from '../../options/resume-as.ts'
import { errorText } from '../../reports/error.ts'
import { askWhetherAgain } from '../../terminal/ask-again.ts'
import { chosenEditor } from '../../terminal/chosen-editor.ts'
import type { Verb } from '../../verb.ts'

/** `save-image-edit FILE` */
export const verb: Verb<ResumeFlags> = {
  declare: (command) =>
    declareResumeAs(command.argument('<file>', 'a save image'), 'when it is restored'),
  example: 'stasis save-image-edit /backup/web.save',
  run: async ([file = ''], flags, { output, directories }) => {
    const changed = await editImage(file, {
      ...directories,
      editor: chosenEditor(),
      resumeAs: resumeAs(flags),
      onWarning: output.warn,
      onFault: (error) => askWhetherAgain(errorText(error, { debug: false }), output),
    })
    const text = changed ? `${file} updated` : `The XML in ${file} was not changed`
    return { text, json: { type: 'result', path: file, changed } }
  },
}
