import { injectNmi } from '../../../domain/devices/send-keys.ts'
import type { Verb } from '../../verb.ts'

/** `inject-nmi DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis inject-nmi web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await injectNmi(domain, { ...directories, signal })
    return { text: '', json: { type: 'result', name } }
  },
}
