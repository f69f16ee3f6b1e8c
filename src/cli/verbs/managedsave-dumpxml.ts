import { dumpManagedSaveXml } from '../../domain/save/managed-save.ts'
import { hidePasswords } from '../../qemu/domain-xml/passwords.ts'
import type { Verb } from '../verb.ts'

/** `managedsave-dumpxml DOMAIN` */
export const verb: Verb<{ readonly securityInfo?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name or UUID')
      .option('--security-info', 'show the passwords of displays'),
  looks: true,
  example: 'stasis managedsave-dumpxml web',
  run: async ([domain = ''], { securityInfo }, { directories, signal }) => {
    const whole = await dumpManagedSaveXml(domain, { ...directories, signal })
    const xml = securityInfo === true ? whole : hidePasswords(whole)
    return { text: xml.trimEnd(), json: { xml } }
  },
}
