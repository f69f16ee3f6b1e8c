import { setAutostart } from '../../../domain/lifecycle/autostart.ts'
import type { Verb } from '../../verb.ts'

/** `autostart DOMAIN` */
export const verb: Verb<{ readonly disable?: boolean; readonly once?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--disable', 'do not start it with the host')
      .option('--once', 'only the next time that the host starts'),
  example: 'stasis autostart web',
  run: async ([domain = ''], { disable, once }, { directories, signal, output }) => {
    const { name } = await setAutostart(domain, {
      ...directories,
      signal,
      disable,
      once,
      onWarning: output.warn,
    })
    const when = once === true ? ' on next boot' : ''
    const text = `Domain '${name}' ${disable === true ? 'unmarked' : 'marked'} as autostarted${when}`
    return { text, json: { type: 'result', name, autostart: disable !== true } }
  },
}
