import { attachConsole } from '../../terminal/console-terminal.ts'
import type { Verb } from '../../verb.ts'

/** `console DOMAIN` */
export const verb: Verb<{ readonly escape?: number }> = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis console web      (Ctrl-] leaves it)',
  run: async ([domain = ''], { escape }, { directories, signal, output }) => {
    await attachConsole(domain, { directories, signal, output, escape })
    return undefined
  },
}
