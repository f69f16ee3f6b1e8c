import { Argument } from 'commander'
import { bashCompletion } from '../../completion/bash.ts'
import { fishCompletion } from '../../completion/fish.ts'
import { type CommandWords, wordsOf } from '../../completion/words.ts'
import { zshCompletion } from '../../completion/zsh.ts'
import type { Verb } from '../../verb.ts'

const SHELLS: Readonly<Record<string, (words: CommandWords) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** `completion SHELL` */
export const verb: Verb = {
  declare: (command) =>
    command.addArgument(
      new Argument('<shell>', 'the shell that completes').choices(Object.keys(SHELLS)),
    ),
  looks: true,
  example: 'source <(stasis completion bash)',
  run: async ([shell = ''], _flags, { allVerbs }) => {
    const text = SHELLS[shell]?.(wordsOf(await allVerbs())).trimEnd() ?? ''
    return { text, json: { type: 'result', shell, text } }
  },
}
