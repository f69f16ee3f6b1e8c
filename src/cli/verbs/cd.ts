import { homedir } from 'node:os'
import { UsageError, storageError } from '../../errors.ts'
import type { Verb } from '../verb.ts'

/** `cd [DIRECTORY]` */
export const verb: Verb = {
  declare: (command) => command.argument('[dir]', 'a directory; without it, your home directory'),
  looks: true,
  example: 'stasis cd /backup      (at the prompt or in a script)',
  run: async ([dir = homedir()], _flags, { inSession }) => {
    if (!inSession)
      throw new UsageError('BAD_ARGUMENT', 'cd works only at the prompt and in a script')
    try {
      process.chdir(dir)
    } catch (error) {
      throw storageError('change the directory', dir, error)
    }
    return { text: '', json: { type: 'result', path: process.cwd() } }
  },
}
