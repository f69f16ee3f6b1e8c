import { dumpManagedSaveXml } from '../../domain/save/managed-save.ts'
import type { Verb } from '../verb.ts'

/** `managedsave-dumpxml DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name or UUID'),
  looks: true,
  example: 'stasis managedsave-dumpxml web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const xml = await dumpManagedSaveXml(domain, { ...directories, signal })
    return { text: xml.trimEnd(), json: { xml } }
  },
}
