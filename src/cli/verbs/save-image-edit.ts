import { createInterface } from 'node:readline/promises'
import { editImage } from '../../domain/images/edit-image.ts'
import { errorText } from '../reports/error.ts'
import { type ResumeFlags, declareResumeAs, resumeAs } from '../options/resume-as.ts'
import type { Verb } from '../verb.ts'

/** `save-image-edit FILE` */
export const verb: Verb<ResumeFlags> = {
  declare: (command) =>
    declareResumeAs(command.argument('<file>', 'a save image'), 'when it is restored'),
  example: 'stasis save-image-edit /backup/web.save',
  run: async ([file = ''], flags, { output, directories }) => {
    const { VISUAL, EDITOR } = process.env
    const changed = await editImage(file, {
      ...directories,
      editor: VISUAL || EDITOR || 'vi',
      resumeAs: resumeAs(flags),
      onWarning: (text) => output.note(`warning: ${text}`),
      onFault: async (error) => {
        if (!process.stdin.isTTY) return false
        output.note(errorText(error, { debug: false }))
        return askWhetherAgain()
      },
    })
    const text = changed ? `${file} updated` : `The XML in ${file} was not changed`
    return { text, json: { type: 'result', path: file, changed } }
  },
}

async function askWhetherAgain(): Promise<boolean> {
  using terminal = createInterface({ input: process.stdin, output: process.stderr })
  const end = new AbortController()
  terminal.once('close', () => end.abort())
  const answer = terminal.question('Edit it again? [Y/n] ', { signal: end.signal })
  // The end of the input (Ctrl-D) means no.
  return /^(y|yes)?$/i.test((await answer.catch(() => 'no')).trim())
}
