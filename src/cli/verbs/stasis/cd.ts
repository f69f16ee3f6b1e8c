import { homedir } from 'node:os'
import { storageError } from '../../../io/storage-error.ts'
import type { Verb } from '../../verb.ts'

/** `cd [DIRECTORY]` */
export const verb: Verb = {
  declare: (command) => command.argument('[dir]', 'a directory; without it, your home directory'),
  looks: true,
  example:
    "stasis cd /backup      (for the following commands: stasis 'cd /backup; save web web.save')",
  run: async ([dir = homedir()]) => {
    try {
      process.chdir(dir)
    } catch (error) {
      throw storageError('change the directory', dir, error)
    }
    return { text: '', json: { type: 'result', path: process.cwd() } }
  },
}
