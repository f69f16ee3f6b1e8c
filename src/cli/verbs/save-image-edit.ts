import { Option } from 'commander'
import { createInterface } from 'node:readline/promises'
import { editImage } from '../../domain/edit-image.ts'
import { errorText } from '../error-report.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly running?: boolean
  readonly paused?: boolean
}

/** `save-image-edit FILE` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<file>', 'a save image')
      .addOption(
        new Option('--running', 'let the guest run when it is restored').conflicts('paused'),
      )
      .addOption(
        new Option('--paused', 'leave the guest paused when it is restored').conflicts('running'),
      ),
  example: 'stasis save-image-edit /backup/web.save',
  run: async ([file = ''], { running, paused }, { output }) => {
    const { VISUAL, EDITOR } = process.env
    const changed = await editImage(file, {
      editor: VISUAL || EDITOR || 'vi',
      resumeAs: running === true ? 'running' : paused === true ? 'paused' : undefined,
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
  return /^(y|yes)?$/i.test((await terminal.question('Edit it again? [Y/n] ')).trim())
}
