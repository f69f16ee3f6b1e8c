import { setAutostart } from '../../domain/lifecycle/autostart.ts'
import type { Verb } from '../verb.ts'

/** `autostart DOMAIN` */
export const verb: Verb<{ readonly disable?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--disable', 'do not start it with the host'),
  example: 'stasis autostart web',
  run: async ([domain = ''], { disable }, { directories, signal, output }) => {
    const { name } = await setAutostart(domain, {
      ...directories,
      signal,
      disable,
      onWarning: (text) => output.note(`warning: ${text}`),
    })
    const text = `Domain '${name}' ${disable === true ? 'unmarked' : 'marked'} as autostarted`
    return { text, json: { type: 'result', name, autostart: disable !== true } }
  },
}
