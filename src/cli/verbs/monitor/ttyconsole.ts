import { domainTerminal } from '../../../domain/status/terminal.ts'
import type { Verb } from '../../verb.ts'

/** `ttyconsole DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  looks: true,
  example: 'stasis ttyconsole web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name, path } = await domainTerminal(domain, { ...directories, signal })
    return { text: path, json: { type: 'result', name, path } }
  },
}
