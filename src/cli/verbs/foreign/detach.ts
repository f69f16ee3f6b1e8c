import { detachDomain } from '../../../domain/foreign/attach.ts'
import type { Verb } from '../../verb.ts'

/** `detach DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis detach web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name } = await detachDomain(domain, { ...directories, signal })
    return {
      text: `Domain '${name}' detached; its QEMU keeps running`,
      json: { type: 'result', name },
    }
  },
}
